"""The top of the page: what the numbers say in a sentence, where they come from, and the counts."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from judge.grading.remarks import CANARY_ALARM, ECHO, FLAG, OTHER_MODEL, PROMPT_CUT
from judge.report import formatting
from judge.report.formatting import FEWEST, Section, Table
from judge.report.model import Cost, Measure, Missing, MissingCell, Report
from judge.report.scores import named, score_text
from judge.report.sections import gate
from judge.report.texts import Both, bracketed, joined, same, say


@dataclass(frozen=True, kw_only=True)
class Chip:
    """A fact about the whole page."""

    label: Both
    values: Sequence[Both]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The decision of a gate as the top of the page shows it."""

    word: str
    """Which of the gate's words; its colour follows from it."""
    name: str
    """Under which name the page has it."""
    sentence: Both
    reasons: Sequence[Both]
    """Why: against the judge, or what the checks found."""
    steps: Sequence[Both]
    """What to do next."""
    notes: Sequence[Both]


def verdict(report: Report) -> Verdict | None:
    """Give the decision with its reasons; None where no gate was run."""
    if report.gate is None:
        return None
    decided = report.gate.report
    notes: list[Both] = []
    if decided.provenance == "SIMULATED":
        notes.append(say("headline.demo_only"))
    if decided.advisory:
        notes.append(say("headline.advisory"))
    word = "ADVISORY" if decided.advisory else decided.decision
    few = word == "UNTRUSTED" and gate.labels_missing(decided)
    return Verdict(
        word=word,
        name="UNTRUSTED_few" if few else word,
        sentence=gate.sentence(report, decided),
        reasons=gate.reasons(report, report.gate),
        steps=gate.steps(decided),
        notes=[*notes, *gate.notes(decided)],
    )


def headlines(report: Report) -> tuple[Both, ...]:
    """Say in a sentence each what the main measures show of at least `FEWEST` prompts."""
    return tuple(
        sentence
        for index, measure in enumerate(report.measures)
        if measure.main and (sentence := _sentence(report, index, measure))
    )


def state(report: Report) -> Both | None:
    """Say whether a decision was made, and whether the scores are corrected."""
    if report.gate is not None:
        return None
    if not any(cell.score for cell in report.scores):
        return say("headline.undecided" if report.calibration else "headline.nothing")
    return say("headline.uncorrected" if report.calibration is None else "headline.undecided")


def alarms(report: Report) -> Iterator[Both]:
    """Name what speaks against the numbers of the whole page."""
    known = report.canaries
    if known is not None and known.alarm is not None:
        yield say(
            "alarm.canaries",
            agreed=known.agreed,
            asked=known.asked,
            missing=known.missing,
            least=f"{100 * CANARY_ALARM:g}",
        )
    models: dict[str, list[str]] = {}
    for each in report.stamp.served:
        if each.model:
            models.setdefault(each.judge, []).append(each.model)
    for judge, names in models.items():
        if len(names) > 1:
            yield say("alarm.served", judge=judge, names=joined(map(same, names), "、", ", "))
    yield from _remarks(report)
    if report.calibration is not None and report.calibration.results.design == "curated":
        yield say("alarm.curated")
    if report.calibration is not None and report.calibration.results.untrusted:
        yield say("alarm.chance")


def _remarks(report: Report) -> Iterator[Both]:
    """Say what was noticed beside the judgments."""
    for remark in (PROMPT_CUT, OTHER_MODEL, f"{FLAG}:{ECHO}"):
        count = report.remarks.get(remark, 0)
        if count:
            yield say(f"alarm.{remark.removeprefix(f'{FLAG}:')}", count=count, remark=remark)


def labelling(report: Report) -> Both | None:
    """Say how many expert labels there are, and how their items were drawn."""
    kept = report.labels
    if kept is None:
        if report.calibration is None:
            return None
        overall = report.calibration.results.overall
        labelled = sum({each.system: each.n_labelled for each in overall}.values())
        raters = max((each.raters for each in overall), default=0)
        return say("labels.foreign", items=formatting.counted(labelled), raters=raters)
    if not kept.labels:
        return _unlabelled(report, drawn=kept.drawn or 0)
    counted = say(
        "labels.some" if kept.raters > 1 else "labels.of_one",
        labels=formatting.counted(kept.labels),
        raters=kept.raters,
        items=formatting.counted(kept.items),
    )
    if kept.design is None:
        return joined((counted, say("labels.no_draw")), "", " ")
    by = say("labels.by", column=kept.by) if kept.by else same("")
    drawn = say(f"labels.{kept.design}", drawn=formatting.counted(kept.drawn or 0), by=by)
    return joined((counted, drawn), "", " ")


def _unlabelled(report: Report, *, drawn: int) -> Both:
    if drawn:
        return say("labels.drawn_only", drawn=drawn)
    return say("labels.none" if report.improvement is None else "labels.of_a_file")


def chips(report: Report) -> Iterator[Chip]:
    """Give provenance, judge, rubrics, passport, date and cost, as far as they are known."""
    stamp = report.stamp
    yield _chip("provenance", say(f"page.{stamp.provenance}") if stamp.provenance else _unknown())
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
            planned=formatting.counted(numbers.planned),
            scored=formatting.counted(numbers.scored),
            missing=formatting.counted(missing),
        ),
    )


def _sentence(report: Report, index: int, measure: Measure) -> Both | None:
    cells = ((system, report.cell(index, system)) for system in report.systems)
    scores = {system: cell.score for system, cell in cells if cell and cell.score}
    scores = {system: score for system, score in scores.items() if score.n >= FEWEST}
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
    calls, usd = formatting.counted(cost.calls), f"{cost.usd:.2f}"
    if not cost.calls:
        return say("chip.cost_none")
    if not cost.unpriced:
        return say("chip.cost_known", usd=usd, calls=calls)
    if cost.usd:
        return say(
            "chip.cost_part", usd=usd, calls=calls, unpriced=formatting.counted(cost.unpriced)
        )
    tokens = formatting.counted(cost.prompt_tokens + cost.completion_tokens)
    return say("chip.cost_unknown", calls=calls, tokens=tokens)


# The section on method: how the numbers are made, by whom, and from what.


def method_section(report: Report) -> Section:
    """Show assumptions, then versions and digests."""
    return Section(
        ident="method",
        template="method.html",
        title=say("method.title"),
        lead=_method_lead(report),
        notes=tuple(_notes(report)),
        tables=((None, Table(head=(), rows=tuple(_facts(report)))),),
    )


def _method_lead(report: Report) -> Both:
    """Say from what, by how many judges and under how many rubrics the numbers were made."""
    judges, editions = len(report.stamp.judges), len(report.stamp.editions)
    if not judges:
        return say(
            "method.lead_foreign",
            rows=formatting.counted(report.origin.rows),
            source=report.origin.source,
        )
    return say(
        "method.lead",
        rows=formatting.counted(report.origin.rows),
        source=report.origin.source,
        judges=say("method.judges_many" if judges > 1 else "method.judges_one", count=judges),
        editions=say(
            "method.editions_many" if editions > 1 else "method.editions_one", count=editions
        ),
    )


def _notes(report: Report) -> Iterator[Both]:
    """Give the assumptions that apply to this report, one sentence or two each."""
    applies = {
        "scores": bool(report.scores),
        "panel": report.stamp.panel,
        "pairwise": report.origin.pairwise,
        "prompts": bool(report.scores),
        "interval": bool(report.scores),
        "missing": True,
        "change": len(report.systems) == 2,
        "order": len(report.groups) > 1,
        "few": True,
        "quoted": report.cases is not None,
        "unsafe": report.cases is not None,
    }
    return (say(f"method.{name}") for name, true in applies.items() if true)


def _facts(report: Report) -> Iterator[tuple[Both, Both]]:
    origin = report.origin
    yield say("method.source"), same(origin.source)
    if origin.sha256:
        yield say("method.checksum"), same(origin.sha256)
    for judge in report.stamp.judges:
        yield say("method.judge"), same(judge.model)
        if judge.base_url:
            yield say("method.address"), same(judge.base_url)
        settings = [
            say(
                "method.temperature",
                temperature=f"{judge.temperature:g}",
                max_tokens=formatting.counted(judge.max_tokens),
            )
        ]
        if judge.seed is not None:
            settings.append(say("method.seed", seed=judge.seed))
        yield say("method.settings"), joined(settings, "，", ", ")
    for edition in report.stamp.editions:
        name = f"{edition.rubric} {edition.version} {edition.language}: {edition.title}"
        yield say("method.rubrics"), same(name)
        yield say("method.digest"), same(edition.digest)
    if origin.repeats > 1:
        yield say("method.settings"), say("method.repeats", count=origin.repeats)
    if not origin.versions:
        return
    versions = ", ".join(f"{name} {version}" for name, version in origin.versions)
    yield say("method.software"), same(versions)


# The section on what has no score: why, where, and how far it could move the scores.


def missing_section(report: Report) -> Section | None:
    """Show what is missing; None where nothing is."""
    if report.missing is None:
        return None
    return Section(
        ident="missing",
        title=say("missing.title"),
        lead=_missing_lead(report, report.missing),
        tables=tuple(_tables(report, report.missing)),
    )


def _missing_lead(report: Report, missing: Missing) -> Both:
    """Say how much is missing, the commonest reason, and the group that lacks most."""
    total = sum(cell.count for cell in missing.cells)
    reasons = _by(missing, lambda cell: cell.reason)
    groups = _by(missing, lambda cell: cell.group)
    (group, most), *others = groups.most_common()
    alone = all(count < most for _, count in others)
    return say(
        "missing.lead_group" if alone and len(report.groups) > 1 else "missing.lead",
        count=formatting.counted(total),
        share=formatting.percent(total / max(report.counts.planned, 1)),
        reason=say(f"reason.{reasons.most_common(1)[0][0]}"),
        group=report.group_name(group),
        group_count=formatting.counted(most),
    )


def _tables(report: Report, missing: Missing) -> Iterator[tuple[Both | None, Table]]:
    """Count by reason and group, system by system; then bound the main measures."""
    yield None, _counts(report, missing)
    if missing.bounds:
        yield say("missing.bounds"), _bounds(report, missing)


def _counts(report: Report, missing: Missing) -> Table:
    counts: Counter[tuple[str, str | None, str]] = Counter()
    for cell in missing.cells:
        counts[cell.reason, cell.group, cell.system] += cell.count
    order = [group.key for group in report.groups]
    places = sorted(
        {(reason, group) for reason, group, _ in counts},
        key=lambda place: (place[0], order.index(place[1])),
    )
    return Table(
        head=[
            say("missing.reason"),
            say("scores.group"),
            *(same(system) for system in report.systems),
        ],
        numbers=range(2, 2 + len(report.systems)),
        rows=[
            (
                say(f"reason.{reason}"),
                report.group_name(group),
                *(formatting.count(counts[reason, group, system]) for system in report.systems),
            )
            for reason, group in places
        ],
    )


def _bounds(report: Report, missing: Missing) -> Table:
    head = ("scores.measure", "scores.system", "scores.missing")
    ends = ("missing.as_scored", "missing.worst", "missing.best")
    return Table(
        head=[say(key) for key in (*head, *ends)],
        numbers=range(2, 6),
        rows=[
            (
                named(measure := report.measures[bound.measure]),
                same(bound.system),
                formatting.count(bound.missing),
                say("scores.none")
                if bound.value is None
                else formatting.value(measure.kind, bound.value),
                formatting.value(measure.kind, bound.worst),
                formatting.value(measure.kind, bound.best),
            )
            for bound in missing.bounds
        ],
    )


def _by(missing: Missing, key: Callable[[MissingCell], str | None]) -> Counter[str | None]:
    counts = Counter[str | None]()
    for cell in missing.cells:
        counts[key(cell)] += cell.count
    return counts
