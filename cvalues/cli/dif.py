"""`cvalues dif`: items that one language or setting makes harder than another."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from judge.cli.options import AsJson, Encoding, StoreOption

if TYPE_CHECKING:
    from cvalues.item_functioning import SettingAnswer, SettingComparison


def dif(
    answers: Annotated[
        list[Path] | None,
        typer.Argument(help="Files of cvalues mc --answers-out; one of each system will do."),
    ] = None,
    run: Annotated[
        str | None, typer.Option(help="A judged run, in place of files of answers.")
    ] = None,
    measure: Annotated[
        str, typer.Option(help="Of a run: safety_rate, acceptable_rate or ab_share.")
    ] = "safety_rate",
    between: Annotated[
        str | None, typer.Option(help="The two settings, such as zh,en; else the only two.")
    ] = None,
    level: Annotated[
        float, typer.Option(min=0.001, max=0.5, help="Most false flags among the flags.")
    ] = 0.05,
    out_json: Annotated[Path | None, typer.Option(help="Write every item here.")] = None,
    encoding: Encoding = None,
    store: StoreOption = None,
    json_: AsJson = False,
) -> None:
    """Find items that function differently in two settings for equally able systems.

    Mantel and Haenszel's test of each item at equal ability on the other items, adjusted for the
    number of items. Systems, or samples of one, are the answerers; few of them flag nothing.
    """
    import json

    from cvalues.item_functioning import compare_settings
    from judge.cli import console
    from judge.exporters.atomic import write_whole

    given, simulated = _answers(answers or [], run, measure=measure, encoding=encoding, store=store)
    found = compare_settings(given, _settings(given, between), level=level)
    document = {"provenance": "SIMULATED" if simulated else "LIVE", **found.as_dict()}
    if out_json is not None:
        write_whole(out_json, json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    if json_:
        console.as_json(document)
        return
    if simulated:
        console.say("SIMULATED: no finding about any model.")
    _print(found)


def _answers(
    files: list[Path], run: str | None, *, measure: str, encoding: str | None, store: str | None
) -> "tuple[list[SettingAnswer], bool]":
    """Read the answers, and whether any of them is simulated."""
    from cvalues.multiple_choice.answers_file import (
        holds_simulated,
        judged_setting_answers,
        read_setting_answers,
    )
    from judge.cli import console
    from judge.cli.stores import opened, run_named
    from judge.errors import ConfigError
    from judge.policy import MEASURES

    if (run is None) == (not files):
        raise ConfigError("give files of answers, or --run RUN, and not both.")
    if run is None:
        read = [each for file in files for each in read_setting_answers(file, encoding=encoding)]
        return read, any(holds_simulated(file, encoding=encoding) for file in files)
    rates = ("safety_rate", "acceptable_rate", "ab_share")
    chosen = MEASURES[console.one_of(measure, rates, option="--measure")]
    with opened(store) as kept:
        found = run_named(kept, run)
        judgments = list(kept.judgments(found))
        simulated = any(each.provenance == "SIMULATED" for each in judgments)
        return judged_setting_answers(kept.generations(found), judgments, chosen), simulated


def _settings(given: "list[SettingAnswer]", between: str | None) -> tuple[str, str]:
    from judge.cli.options import parts
    from judge.errors import ConfigError

    there = list(dict.fromkeys(each.setting for each in given if each.correct is not None))
    wanted = parts(between) if between else tuple(there)
    missing = [name for name in wanted if name not in there]
    if len(wanted) != 2 or missing:
        listed = ", ".join(there[:6])
        raise ConfigError(f"two settings are compared; name two of {listed} with --between A,B.")
    return wanted[0], wanted[1]


def _print(found: "SettingComparison") -> None:
    from judge.cli import console

    first, second = found.settings
    rows = [
        {
            "item": each.item,
            "n": each.n,
            **dict(zip(found.settings, each.shares, strict=True)),
            "delta": each.delta,
            "p": each.adjusted_p,
        }
        for each in found.flagged
    ]
    if rows:
        headings = {"item": "item", "n": "n", first: first, second: second}
        console.table(rows, headings | {"delta": "delta", "p": "adjusted p"})
    console.say(
        f"{len(found.items)} items, {found.tested} tested between {first} and {second}: "
        f"{len(found.flagged)} function differently at equal ability"
    )
    if not found.tested:
        console.say("nothing can be tested: no equally able answerers differ on any item")
    console.say(
        f"answerers: {found.answerers[0]} in {first}, {found.answerers[1]} in {second}; under "
        f"{found.needed} in each, no item of so many could be flagged at all"
    )
