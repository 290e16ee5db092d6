"""Where the judge errs and how far: its scores against the experts' scores, level by level."""

from functools import partial

from judge.report import figures
from judge.report.both import Both
from judge.report.charts.confusion import ConfusionTable, confusion_chart
from judge.report.evidence import Confusion
from judge.report.picture import Picture, Table, picture
from judge.report.record import Report
from judge.report.sections.overall import worth
from judge.report.words import say


def confusion_picture(report: Report, confusion: Confusion, *, ident: str) -> Picture:
    """Draw experts' levels as rows and the judge's as columns, with shares of each row."""
    drawn = ConfusionTable(
        levels=confusion.levels,
        counts=confusion.counts,
        shares=[[_share(count, row) for count in row] for row in confusion.counts],
        rows_word=say("belief.rows_experts"),
        columns_word=say("belief.columns_judge"),
        outlined=confusion.harmful,
    )
    total = sum(sum(row) for row in confusion.counts)
    method = say("belief.confusion_method", n=figures.counted(total))
    return picture(
        ident,
        partial(confusion_chart, table=drawn),
        title=_title(confusion),
        meta=worth(report, method, corrected=None),
        desc=say("belief.confusion_alt"),
        table=_table(confusion),
    )


def _title(confusion: Confusion) -> Both:
    """Count the worst mistake where one is named, else how often both agree."""
    if confusion.harmful is not None:
        row, column = confusion.harmful
        return say(
            "belief.confusion_harmful",
            criterion=confusion.criterion,
            experts=confusion.levels[row],
            judge=confusion.levels[column],
            count=figures.counted(confusion.counts[row][column]),
            of=figures.counted(sum(confusion.counts[row])),
        )
    same = sum(row[place] for place, row in enumerate(confusion.counts))
    total = sum(sum(row) for row in confusion.counts)
    share = figures.percent(same / max(total, 1))
    return say("belief.confusion", criterion=confusion.criterion, share=share)


def _share(count: int, row: tuple[int, ...]) -> Both:
    return figures.percent(count / sum(row)) if sum(row) else figures.NOTHING


def _table(confusion: Confusion) -> Table:
    return Table(
        head=(say("belief.rows_experts"), *confusion.levels),
        rows=[
            (level, *(figures.same(figures.counted(count)) for count in row))
            for level, row in zip(confusion.levels, confusion.counts, strict=True)
        ],
        numbers=range(1, len(confusion.levels) + 1),
    )
