"""The top of the page: what the numbers say in a sentence, where they come from, and the counts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from judge.report import figures
from judge.report.record import Cost, Measure, Report
from judge.report.scores import named, score_text
from judge.report.section import Section
from judge.report.words import Both, bracketed, joined, same, say


@dataclass(frozen=True, kw_only=True)
class Chip:
    """A fact about the whole page."""

    label: Both
    values: Sequence[Both]


def headlines(report: Report) -> tuple[Both, ...]:
    """Say in a sentence each what the main measures show."""
    said = [
        sentence
        for index, measure in enumerate(report.measures)
        if measure.main and (sentence := _sentence(report, index, measure))
    ]
    if said:
        return tuple(said)
    return (report.belief.lead if report.belief else say("headline.nothing"),)


def chips(report: Report) -> Iterator[Chip]:
    """Give provenance, judge, rubrics, passport, date and cost, as far as they are known."""
    stamp = report.stamp
    yield _chip("provenance", same(stamp.provenance) if stamp.provenance else _unknown())
    if stamp.judges:
        names = [_judge(report, judge.name) for judge in stamp.judges]
        label = say("chip.judges", count=len(names)) if stamp.panel else say("chip.judge")
        yield Chip(label=label, values=names)
    if stamp.editions:
        yield Chip(label=say("chip.rubric"), values=tuple(_rubrics(report)))
    if stamp.judges or stamp.passport:
        yield _chip("passport", _passport(report))
    if stamp.created_at:
        yield _chip("date", same(stamp.created_at[:10]))
    if report.counts.planned:
        yield _chip("cost", _cost(stamp.cost))


def counts(report: Report) -> Section | None:
    """Count planned = scored + unscored + error + skipped; None where nothing was planned."""
    numbers = report.counts
    if not numbers.planned:
        return None
    missing = numbers.planned - numbers.scored
    key = "all" if not missing else "some" if numbers.scored else "none"
    return Section(
        ident="counts",
        template="counts.html",
        title=say("counts.title"),
        lead=say(
            f"counts.{key}",
            planned=figures.counted(numbers.planned),
            scored=figures.counted(numbers.scored),
            missing=figures.counted(missing),
        ),
    )


def _sentence(report: Report, index: int, measure: Measure) -> Both | None:
    cells = ((system, report.cell(index, system)) for system in report.systems)
    scores = {system: cell.score for system, cell in cells if cell and cell.score}
    if not scores:
        return None
    ranked = sorted(scores, key=lambda system: -scores[system].value)
    close = scores[ranked[0]].overlaps(scores[ranked[-1]])
    listed = list(scores) if close else ranked
    first, last = listed[0], listed[-1]
    return say(
        f"headline.{_kind(len(scores), close=close)}",
        measure=named(measure),
        count=len(scores),
        first=first,
        second=last,
        first_score=score_text(measure, scores[first]),
        second_score=score_text(measure, scores[last]),
    )


def _kind(systems: int, *, close: bool) -> str:
    if systems == 1:
        return "one"
    return ("close" if close else "ahead") if systems == 2 else ("many_close" if close else "many")


def _chip(name: str, value: Both) -> Chip:
    return Chip(label=say(f"chip.{name}"), values=(value,))


def _unknown() -> Both:
    return say("page.unknown")


def _judge(report: Report, judge: str) -> Both:
    """Name a judge and, where it differs, the model that answered."""
    served = [each.model for each in report.stamp.served if each.judge == judge and each.model]
    others = [model for model in served if not judge.endswith(model)]
    if not others:
        return same(judge)
    served_by = joined((say("chip.served"), same(", ".join(others))), " ", " ")
    return bracketed(same(judge), served_by)


def _rubrics(report: Report) -> Iterator[Both]:
    """Name each rubric once, with its version and the beginnings of its digests."""
    found: dict[tuple[str, str], list[str]] = {}
    for edition in report.stamp.editions:
        found.setdefault((edition.rubric, edition.version), []).append(
            f"{edition.language} {edition.digest[:8]}"
        )
    for (rubric, version), digests in sorted(found.items()):
        yield same(f"{rubric} {version} ({', '.join(digests)})")


def _passport(report: Report) -> Both:
    passport = report.stamp.passport
    if passport is None:
        return say("chip.no_passport")
    state = say("chip.passport_invalid")
    if passport.valid:
        state = say("chip.passport_valid", date=passport.expires or _unknown())
    return joined((same(passport.name), state), "，", ", ")


def _cost(cost: Cost) -> Both:
    calls, usd = figures.counted(cost.calls), f"{cost.usd:.2f}"
    if not cost.calls:
        return say("chip.cost_none")
    if not cost.unpriced:
        return say("chip.cost_known", usd=usd, calls=calls)
    if cost.usd:
        return say("chip.cost_part", usd=usd, calls=calls, unpriced=figures.counted(cost.unpriced))
    tokens = figures.counted(cost.prompt_tokens + cost.completion_tokens)
    return say("chip.cost_unknown", calls=calls, tokens=tokens)
