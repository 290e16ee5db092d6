"""What a run came to: as lines, as a JSON document, as an exit code."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from judge.cli import console
from judge.cli.console import opened
from judge.cli.run_session import Done
from judge.exporters.tables import rows as exported
from judge.files.decoding import counted
from judge.grading.remarks import CACHED, ECHO, FLAG, NEUTRAL, OTHER_MODEL, PROMPT_CUT, SECOND
from judge.run.run import UNDETERMINED, Cell
from rubrics.library import fitting

if TYPE_CHECKING:
    from calibration.estimate import Estimate


MEANINGS: Mapping[str, str] = {
    "error.auth": "the key was rejected, or may not use the model",
    "error.bad_request": "the server refused the request; see the model's name and the address",
    "error.provider_5xx": "the server itself failed",
    "error.rate_limited": "the provider limits the rate; see --rpm and --concurrency",
    "error.timeout": "no complete reply within --timeout",
    "error.transport": "no server at the address, the connection broke, or no chat completion came",
}
"""What a user is told of failures that something can be done about."""


REMARKS: Mapping[str, str] = {
    NEUTRAL: f"refused at first and retried with a neutral prompt ({NEUTRAL})",
    SECOND: f"refused at first and retried with the second judge ({SECOND})",
    CACHED: "from the cache of the store (--no-cache asks again)",
    FLAG: (
        f"with text that seems to address the judge ({FLAG}): the scores are kept, and a gate "
        "asks for expert labels"
    ),
    f"{FLAG}:{ECHO}": f"of them repeat text of the material ({ECHO})",
    PROMPT_CUT: (
        f"on a prompt of which the server counted fewer tokens than it has ({PROMPT_CUT}): it cut "
        "the text; give it a longer context. A gate asks for experts' labels"
    ),
    OTHER_MODEL: (
        f"from another model than most of the same judge ({OTHER_MODEL}); a gate asks for "
        "experts' labels"
    ),
}
"""What a user is told of the remarks that a run's judgments carry."""


def show(done: Done, *, as_json: bool) -> None:
    """Print what a run came to."""
    if as_json:
        console.as_json(document(done))
        return
    if done.planned_only:
        return
    if done.provenance == "SIMULATED":
        console.say("SIMULATED judge: no finding about any model.")
    rows = [_named_row(done, cell) for cell in done.cells if cell.group is None]
    several = len(done.run.manifest.judges) > 1
    failed = [part for part in ("unscored", "error", "skipped") if any(row[part] for row in rows)]
    columns = {"what": "criterion", "name": "name", "judge": "judge", "system": "system"}
    columns |= {"mean": "mean*"}
    columns |= {part: part for part in ("scored", *failed)}
    console.table(rows, {k: heading for k, heading in columns.items() if several or k != "judge"})
    if done.run.manifest.kind == "pairwise":
        console.say(
            "* 1 where the first of the pair is better, -1 where the second is, 0 for a tie."
        )
    console.say("* uncorrected judge score; cvalues calibrate corrects it.")
    total = done.counts
    console.say(
        f"{total.planned} planned = {total.scored} scored + {total.unscored} unscored + "
        f"{total.error} error + {total.skipped} skipped; {counted(done.calls, 'call')}"
    )
    _show_failures(done)
    _show_remarks(done)
    if total.error or done.unasked or done.outcomes.get("unscored.empty"):
        console.note(f"resume with: {console.resume_command(done.run.name)}")


def _show_failures(done: Done) -> None:
    for outcome, count in sorted(done.outcomes.items()):
        if outcome != "ok":
            why = f" ({MEANINGS[outcome]})" if outcome in MEANINGS else ""
            console.say(f"  {outcome}: {count}{why}")
    if done.calls and not done.usd:
        console.note("cost unknown; give prices with --price PROMPT,COMPLETION")


def _show_remarks(done: Done) -> None:
    for (judge, what), bias in done.order.items():
        flips, gain = bias.flip_rate, bias.win_rate_shift
        console.say(
            f"  {what}, {judge}: {flips.value:.0%} [{flips.low:.0%}, {flips.high:.0%}] of {bias.n} "
            f"pairs change with the order; to be shown first adds {100 * gain.value:+.1f} "
            f"[{100 * gain.low:+.1f}, {100 * gain.high:+.1f}] points of win rate"
        )
    _show_languages(done)
    _show_flags(done)


def _show_languages(done: Done) -> None:
    """List the scores by language, where there are several; name those without an edition."""
    if not done.languages:
        return
    rows = [{**_named_row(done, cell), "lang": _language(cell)} for cell in done.languages]
    columns = {"lang": "language", "what": "criterion", "name": "name", "system": "system"}
    console.table(rows, {**columns, "mean": "mean*", "scored": "scored"})
    for tag, spoken in _elsewhere(done).items():
        console.say(
            f"  {', '.join(spoken)}: judged under the rubric in {tag}; --default-lang names another"
        )


def _elsewhere(done: Done) -> dict[str, list[str]]:
    """Give, by edition, the languages of items that were judged under one in another language."""
    manifest = done.run.manifest
    found = defaultdict[str, list[str]](list)
    for cell in done.languages:
        tags = {
            each.language: each.language for each in manifest.rubrics if each.rubric == cell.rubric
        }
        spoken = cell.lang or UNDETERMINED
        used = fitting(tags, spoken, default=manifest.language)
        if used.split("-")[0] != spoken.split("-")[0] and _language(cell) not in found[used]:
            found[used].append(_language(cell))
    return {tag: languages for tag, languages in found.items() if languages}


def _language(cell: Cell) -> str:
    return "not stated" if cell.lang is None or cell.lang == UNDETERMINED else cell.lang


def _show_flags(done: Done) -> None:
    if done.declined:
        most = Counter(done.declined).most_common()
        console.say("  refusals by group: " + ", ".join(f"{name} {n}" for name, n in most))
    if done.canaries and done.canaries.asked:
        agreed, asked = done.canaries.agreed, done.canaries.asked
        console.say(f"  known-answer checks (canaries): {agreed} of {asked} agree")
    for remark, meaning in REMARKS.items():
        if done.flags.get(remark):
            console.say(f"  {done.flags[remark]} {meaning}")
    if done.flags.get(OTHER_MODEL):
        for judge, models in done.served.items():
            named = ", ".join(f"{model} {count}" for model, count in models.items())
            console.say(f"    {judge} was answered by {named}")


def _named_row(done: Done, cell: Cell) -> dict[str, object]:
    return {**_row(cell), "name": done.titles.get((cell.rubric, cell.criterion))}


def _row(cell: Cell) -> dict[str, object]:
    what = f"{cell.rubric}.{cell.criterion}"
    return {"what": what, **cell.model_dump(), **cell.counts.model_dump(), "mean": cell.mean}


def document(done: Done) -> dict[str, object]:
    """Give what a run came to as a JSON document."""
    return {
        "run": done.run.name,
        "provenance": done.provenance,
        "counts": done.counts.model_dump(),
        "outcomes": dict(done.outcomes),
        "flags": dict(done.flags),
        "served": {judge: dict(models) for judge, models in done.served.items()},
        "declined": dict(done.declined),
        "order": [
            {
                "judge": judge,
                "criterion": what,
                "pairs": bias.n,
                "flip_rate": _ends(bias.flip_rate),
                "first_gains": _ends(bias.win_rate_shift),
            }
            for (judge, what), bias in done.order.items()
        ],
        "canaries": done.canaries.model_dump() if done.canaries else None,
        "calls": done.calls,
        "cost_usd": done.usd or None,
        "interrupted": done.interrupted,
        "judges": [judge.name for judge in done.run.manifest.judges],
        "rubrics": [edition.model_dump() for edition in done.run.manifest.rubrics],
        "scores": [{**_row(cell), "valid": False} for cell in done.cells],
        "languages": [{**_row(cell), "valid": False} for cell in done.languages],
    }


def _ends(estimate: "Estimate") -> dict[str, float]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def exit_code(done: Done, *, max_unscored: float) -> int:
    """Choose the exit code: 130 interrupted, 5 incomplete or too much unscored, else 0."""
    if done.interrupted:
        return console.INTERRUPTED
    if done.planned_only:
        return console.DONE
    total = done.counts
    too_many = total.unscored > max_unscored * total.planned
    return console.INCOMPLETE if total.error or done.unasked or too_many else console.DONE


def show_answers(done: Done, *, out: Path | None, address: str, as_json: bool) -> None:
    """Print how the answers of a run ended, and write them where a file is wanted."""
    endings: Counter[str] = Counter()
    with opened(address) as store:
        for answer in store.answers(done.run):
            endings[answer.finish or answer.outcome] += 1
        if out is not None and not done.planned_only:
            from judge.exporters.tables import write_rows

            count = write_rows(out, exported(store, done.run, "generations"), form="jsonl")
            console.note(f"{counted(count, 'response')} in {out}")
    if as_json:
        console.as_json(
            {
                "run": done.run.name,
                "counts": done.counts.model_dump(),
                "endings": dict(endings),
                "calls": done.calls,
                "cost_usd": done.usd or None,
                "interrupted": done.interrupted,
            }
        )
        return
    for ending, count in endings.most_common():
        console.say(f"{ending}: {count}")
    if not done.planned_only and (done.counts.error or done.unasked):
        console.note(f"resume with: {console.resume_command(done.run.name)}")
