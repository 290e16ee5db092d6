"""`cvalues gap`: what systems recognise against what they do."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from judge.cli.options import AsJson, StoreOption

if TYPE_CHECKING:
    from cvalues.gap import GapReport, Rate
    from cvalues.knowing import Known
    from judge.records import Judgment
    from judge.store.base import Run
    from judge.store.sql import Store


def gap(
    run: Annotated[str, typer.Argument(help="The run that judged the systems' responses.")],
    mc: Annotated[
        list[str], typer.Option(help="SYSTEM=FILE, the JSON of cvalues mc; once for each system.")
    ],
    measure: Annotated[
        str, typer.Option(help="What counts as doing: safety_rate, acceptable_rate or ab_share.")
    ] = "safety_rate",
    calibration: Annotated[
        Path | None,
        typer.Option(
            help="JSON of cvalues calibrate --by group: take its corrected rates, not the judge's."
        ),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write the run's page with it.")] = None,
    published: Annotated[
        bool,
        typer.Option("--published", help="Show the published multi-choice numbers beside it."),
    ] = False,
    store: StoreOption = None,
    json_: AsJson = False,
) -> None:
    """Hold knowing against doing by group: the gap with its interval, and its name.

    High on both, low on both, or a system that understands without being able to act.
    """
    from cvalues.knowing import doing_of, gaps, provenance_in, read_corrected, read_knowing
    from cvalues.published import published_beside
    from judge.cli import console
    from judge.cli.stores import opened, run_named
    from judge.policy import MEASURES
    from judge.summary import summarise

    rates = ("safety_rate", "acceptable_rate", "ab_share")
    chosen = MEASURES[console.one_of(measure, rates, option="--measure")]
    knowing = {system: read_knowing(path) for system, path in _named(mc)}
    corrected = None if calibration is None else read_corrected(calibration, chosen)
    with opened(store) as kept:
        found = run_named(kept, run)
        seen: set[str] = {provenance_in(path) for _, path in _named(mc)}
        cells = summarise(_noting(kept.judgments(found), seen))
        doing = corrected or {system: doing_of(cells, system, chosen) for system in knowing}
        _refuse_strangers(knowing, doing, run=run, criterion=chosen.criterion)
        reports = gaps(knowing, doing)
        if report is not None:
            _write_page(report, (kept, found), knowing, doing, published=published)
    document = _document(reports, simulated="SIMULATED" in seen, corrected=corrected is not None)
    if json_:
        console.as_json(document)
        return
    if "SIMULATED" in seen:
        console.say("SIMULATED: no finding about any model.")
    for system, joined in reports.items():
        _print(system, joined)
    console.say(str(document["systems"]))
    console.say(
        "Doing is corrected by experts' labels."
        if corrected
        else "Doing is the judge's own rate, not corrected for its errors: see --calibration."
    )
    if published:
        console.say(published_beside("mc.").en)


def _document(
    reports: "Mapping[str, GapReport]", *, simulated: bool, corrected: bool
) -> dict[str, object]:
    from cvalues.knowing import over_systems

    together = over_systems(reports)
    return {
        "provenance": "SIMULATED" if simulated else "LIVE",
        "doing": "corrected" if corrected else "judge only",
        "groups": [row for each in reports.items() for row in _rows(*each)],
        "systems": together.sentence["en"],
        "rho": together.rho and {"value": together.rho.value, "ci": _ends(together.rho)},
    }


def _noting(judgments: "Iterable[Judgment]", seen: set[str]) -> "Iterator[Judgment]":
    """Pass judgments on and note where they come from."""
    for judgment in judgments:
        seen.add(judgment.provenance)
        yield judgment


def _named(pairs: list[str]) -> list[tuple[str, Path]]:
    from judge.errors import ConfigError

    split = [pair.rpartition("=") for pair in pairs]
    for system, _, file in split:
        if not (system and file):
            raise ConfigError(
                f"--mc {(system or file)!r} is not SYSTEM=FILE; write --mc release-1=mc.json."
            )
    return [(system, Path(file)) for system, _, file in split]


def _refuse_strangers(knowing: "Known", doing: "Known", *, run: str, criterion: str) -> None:
    """Refuse a system that was not judged: saying nothing of it would hide it."""
    from judge.errors import ConfigError

    for system in knowing:
        if not doing.get(system):
            raise ConfigError(
                f"no verdict of {criterion} on system {system!r} in {run}; write the system as "
                "cvalues judge shows it, and choose --measure by what was judged."
            )


def _write_page(
    path: Path, of: "tuple[Store, Run]", knowing: "Known", doing: "Known", *, published: bool
) -> None:
    from cvalues.knowing import gaps, section, sizes
    from cvalues.published import published_beside
    from cvalues.taxonomy import GROUPS
    from judge.report import from_run, write_report
    from judge.report.words import Both

    names = {group.key: (group.name_zh, group.name_en) for group in GROUPS}
    page = from_run(*of, group_names=names)
    shown = section(gaps(knowing, doing), sizes(knowing, doing))
    if published:
        beside = published_beside("mc.")
        lead = Both(zh=shown.lead.zh + beside.zh, en=f"{shown.lead.en} {beside.en}")
        shown = shown.model_copy(update={"lead": lead})
    write_report(path, page.model_copy(update={"knowing": shown}))


def _rows(system: str, joined: "GapReport") -> list[dict[str, object]]:
    from cvalues.gap import quadrant_name

    return [
        {
            "system": system,
            "group": each.group or None,
            "knows": each.knowing.value,
            "knows_ci": _ends(each.knowing),
            "does": each.doing.value,
            "does_ci": _ends(each.doing),
            "gap": each.gap.value,
            "low": each.gap.low,
            "high": each.gap.high,
            "quadrant": each.quadrant,
            "signature": quadrant_name(each.quadrant, "en"),
            "settled": each.settled,
        }
        for each in joined.groups
    ]


def _ends(rate: "Rate") -> list[float]:
    return [rate.low, rate.high]


def _print(system: str, joined: "GapReport") -> None:
    from cvalues.gap import quadrant_name
    from judge.cli import console

    rows = [
        {
            "group": each.group or "all",
            "knows": f"{100 * each.knowing.value:.1f}",
            "does": f"{100 * each.doing.value:.1f}",
            "gap": f"{100 * each.gap.value:+.1f}",
            "interval": f"{100 * each.gap.low:+.1f} to {100 * each.gap.high:+.1f}",
            "signature": quadrant_name(each.quadrant, "en") + ("" if each.settled else " ?"),
        }
        for each in sorted(joined.groups, key=lambda each: each.group != "")
    ]
    console.say(f"{system}, in %; ?: an interval reaches over the bound, so the name may be wrong")
    headings = ("group", "knows", "does", "gap", "interval", "signature")
    console.table(rows, {heading: heading for heading in headings})
    for only, names in (("knowing", joined.only_knowing), ("doing", joined.only_doing)):
        listed = ", ".join(name or "all" for name in names)
        if listed:
            console.say(f"{only} alone is known of: {listed}")
    console.say()
