"""`cvalues gap`: what systems recognise against what they do."""

from pathlib import Path
from typing import Annotated

import typer

from judge.cli.options import AsJson, StoreOption


def gap(
    run: Annotated[str, typer.Argument(help="The run that judged the systems' responses.")],
    mc: Annotated[
        list[str], typer.Option(help="SYSTEM=FILE, the JSON of cvalues mc; once for each system.")
    ],
    measure: Annotated[
        str, typer.Option(help="What counts as doing: safety_rate, acceptable_rate or ab_share.")
    ] = "safety_rate",
    report: Annotated[Path | None, typer.Option(help="Write the run's page with it.")] = None,
    store: StoreOption = None,
    json_: AsJson = False,
) -> None:
    """Hold knowing against doing by group: the gap with its interval, and its name.

    High on both, low on both, or a system that understands without being able to act.
    """
    from cvalues.gap_wording import quadrant_name
    from cvalues.knowing import doing_of, gaps, over_systems, read_knowing, section, sizes
    from judge.cli import console
    from judge.cli.stores import opened, run_named
    from judge.policy import MEASURES
    from judge.summary import summarise

    rates = ("safety_rate", "acceptable_rate", "ab_share")
    chosen = MEASURES[console.one_of(measure, rates, option="--measure")]
    knowing = {system: read_knowing(path) for system, path in _named(mc)}
    with opened(store) as kept:
        found = run_named(kept, run)
        cells = summarise(kept.judgments(found))
        doing = {system: doing_of(cells, system, chosen) for system in knowing}
        reports = gaps(knowing, doing)
        if report is not None:
            from cvalues.taxonomy import GROUPS
            from judge.report import from_run, write_report

            names = {group.key: (group.name_zh, group.name_en) for group in GROUPS}
            page = from_run(kept, found, group_names=names)
            shown = section(reports, sizes(knowing, doing))
            write_report(report, page.model_copy(update={"knowing": shown}))
    rows = [
        {
            "system": system,
            "group": each.group,
            "knows": each.knowing.value,
            "does": each.doing.value,
            "gap": each.gap.value,
            "low": each.gap.low,
            "high": each.gap.high,
            "signature": quadrant_name(each.quadrant, "en"),
            "settled": each.settled,
        }
        for system, joined in reports.items()
        for each in joined.groups
    ]
    together = over_systems(reports)
    if json_:
        console.as_json({"groups": rows, "systems": together.sentence["en"], "rho": together.rho})
        return
    columns = ("system", "group", "knows", "does", "gap", "low", "high", "signature")
    console.table(rows, {name: name for name in columns})
    console.say(together.sentence["en"])
    console.say("Doing is the judge's own rate, not corrected for its errors.")


def _named(pairs: list[str]) -> list[tuple[str, Path]]:
    from judge.errors import ConfigError

    split = [pair.partition("=") for pair in pairs]
    for system, sign, file in split:
        if not (system and sign and file):
            raise ConfigError(f"--mc {system!r} is not SYSTEM=FILE; write --mc release-1=mc.json.")
    return [(system, Path(file)) for system, _, file in split]
