"""Whether the judge can be believed: what experts' labels say of it, picture by picture."""

from collections.abc import Iterator

from judge.report.evidence import Belief, Detail
from judge.report.picture import Picture, Table
from judge.report.record import Report
from judge.report.section import Section
from judge.report.sections.agreement import agreement_picture
from judge.report.sections.confusions import confusion_picture
from judge.report.sections.correction import correction_picture
from judge.report.sections.labels import budget_picture
from judge.report.sections.leniency import deviations_picture
from judge.report.words import say


def section(report: Report) -> Section | None:
    """Show what expert labels say of the judge; None where there are none."""
    belief = report.belief
    if belief is None:
        return None
    return Section(
        ident="belief",
        title=say("belief.title"),
        lead=belief.lead,
        pictures=tuple(_pictures(report, belief)),
        tables=tuple((each.title, _table(each)) for each in belief.details),
        notes=(
            *(warning for each in belief.corrected for warning in each.warnings),
            *belief.remarks,
        ),
    )


def _pictures(report: Report, belief: Belief) -> Iterator[Picture]:
    if belief.corrected:
        yield correction_picture(report, belief)
    for place, agreement in enumerate(belief.agreements):
        yield agreement_picture(report, agreement, ident=f"agreement{place}")
    for place, confusion in enumerate(belief.confusions):
        yield confusion_picture(report, confusion, ident=f"confusion{place}")
    for place, deviations in enumerate(belief.deviations):
        yield deviations_picture(report, deviations, ident=f"deviations{place}")
    for place, budget in enumerate(belief.budgets):
        yield budget_picture(report, budget, ident=f"budget{place}")


def _table(detail: Detail) -> Table:
    numbers = range(detail.first_number, len(detail.head))
    return Table(head=detail.head, rows=detail.rows, numbers=numbers)
