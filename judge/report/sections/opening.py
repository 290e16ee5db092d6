"""The top of the page: what the numbers say in a sentence, and where they come from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from judge.report import figures
from judge.report.both import Both
from judge.report.measures import named
from judge.report.record import Cost, Measure, Report, Score
from judge.report.sections.overall import overlap, score_text
from judge.report.words import say


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


def _sentence(report: Report, index: int, measure: Measure) -> Both | None:
    cells = ((system, report.cell(index, system)) for system in report.systems)
    scores = {system: cell.score for system, cell in cells if cell and cell.score}
    if not scores:
        return None
    ranked = sorted(scores, key=lambda system: -scores[system].value)
    close = overlap(scores[ranked[0]], scores[ranked[-1]])
    listed = list(scores) if close else ranked
    first, last = listed[0], listed[-1]
    return say(
        f"headline.{_kind(len(scores), close=close)}",
        view=_view(scores[first]),
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


def _view(score: Score) -> Both:
    return say("headline.corrected" if score.corrected else "headline.judge_sees")


def chips(report: Report) -> Iterator[Chip]:
    """Give provenance, judge, rubrics, passport, date and cost, as far as they are known."""
    stamp = report.stamp
    yield _chip("provenance", figures.same(stamp.provenance) if stamp.provenance else _unknown())
    if stamp.judges:
        names = [_judge(report, judge.name) for judge in stamp.judges]
        label = say("chip.judges", count=len(names)) if stamp.panel else say("chip.judge")
        yield Chip(label=label, values=names)
    if stamp.editions:
        yield Chip(label=say("chip.rubric"), values=tuple(_rubrics(report)))
    if stamp.judges or stamp.passport:
        yield _chip("passport", _passport(report))
    if stamp.created_at:
        yield _chip("date", figures.same(stamp.created_at[:10]))
    if report.counts.planned:
        yield _chip("cost", _cost(stamp.cost))


def _chip(name: str, value: Both) -> Chip:
    return Chip(label=say(f"chip.{name}"), values=(value,))


def _unknown() -> Both:
    return say("page.unknown")


def _judge(report: Report, judge: str) -> Both:
    """Name a judge and, where it differs, the model that answered."""
    served = [each.model for each in report.stamp.served if each.judge == judge and each.model]
    others = [model for model in served if not judge.endswith(model)]
    if not others:
        return figures.same(judge)
    label, models = say("chip.served"), ", ".join(others)
    return Both(zh=f"{judge}（{label.zh} {models}）", en=f"{judge} ({label.en} {models})")


def _rubrics(report: Report) -> Iterator[Both]:
    """Name each rubric once, with its version and the beginnings of its digests."""
    found: dict[tuple[str, str], list[str]] = {}
    for edition in report.stamp.editions:
        found.setdefault((edition.rubric, edition.version), []).append(
            f"{edition.language} {edition.digest[:8]}"
        )
    for (rubric, version), digests in sorted(found.items()):
        yield figures.same(f"{rubric} {version} ({', '.join(digests)})")


def _passport(report: Report) -> Both:
    passport = report.stamp.passport
    if passport is None:
        return say("chip.no_passport")
    state = say("chip.passport_invalid")
    if passport.valid:
        state = say("chip.passport_valid", date=passport.expires or _unknown())
    return Both(zh=f"{passport.name}，{state.zh}", en=f"{passport.name}, {state.en}")


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
