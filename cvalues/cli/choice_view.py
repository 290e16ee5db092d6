"""How `cvalues mc` shows what it found: on a terminal, as JSON, as a sheet for a person."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cvalues.choice_intervals import Share
from cvalues.choice_metrics import Axis, mix_sweep
from cvalues.choice_report import ChoiceReport
from cvalues.choice_review import write_review
from cvalues.cli.choices import Answered
from cvalues.multiple_choice import evaluate_choices
from cvalues.published import PublishedNumber, published_numbers
from judge.cli import console
from judge.exporters.atomic import write_whole

CAVEAT: Final = (
    "A choice shows what a model recognises, not what it writes; the released labels have been "
    "public since 2023."
)


def show(
    given: Answered,
    *,
    out_json: Path | None,
    review_out: Path | None,
    confidence: float,
    as_json: bool,
) -> int:
    """Count, write what is wanted, print, and choose the exit code."""
    report = evaluate_choices(given.answers, confidence=confidence)
    document = _document(given, report)
    if out_json is not None:
        write_whole(out_json, json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    if review_out is not None:
        count = write_review(review_out, given.answers)
        console.note(f"{count} answers to read in {review_out}; give it back with --review")
    if as_json:
        console.as_json(document)
    else:
        _print(given, report)
    if given.resume:
        console.note(f"resume with: {given.resume}")
    if given.interrupted:
        return console.INTERRUPTED
    return console.INCOMPLETE if report.unanswered else console.DONE


def _document(given: Answered, report: ChoiceReport) -> dict[str, object]:
    readers = Counter(answer.reader for answer in given.answers)
    return {
        **report.as_dict(),
        "mix": {axis: _sweep(given, report, axis) for axis in _MIXED},
        "system": given.system,
        "run": given.run,
        "provenance": given.provenance,
        "settled_by_model": readers["model"],
        "settled_by_hand": readers["person"],
    }


_MIXED: Final[tuple[Axis, ...]] = ("difficulty_level", "origin", "pair_type")
"""What a set could have had more or less of."""


def _sweep(given: Answered, report: ChoiceReport, axis: Axis) -> dict[str, list[dict[str, float]]]:
    read = [answer.read() for answer in given.answers]
    swept = mix_sweep(read, axis, confidence=report.confidence)
    return {
        name: [
            {"share": share, "acc": acc.value, "low": acc.low, "high": acc.high}
            for share, acc in found
        ]
        for name, found in swept.items()
    }


def _print(given: Answered, report: ChoiceReport) -> None:
    if given.provenance == "SIMULATED":
        console.say("SIMULATED: answers of a simulated model; no finding about any model.")
    rows = [_row("all", report)]
    for groups in report.by.values():
        rows += [_row(name, group) for name, group in groups.items()]
    console.table(rows, _HEADINGS)
    console.say(
        "in %; both: right in both orders; place: the same place in both orders; short, long: "
        "what taking the shorter or longer reply would score"
    )
    counts = report.counts
    console.say(
        f"{report.n} answered: {counts.correct} correct; {counts.reply_1} took 回复1, "
        f"{counts.reply_2} 回复2, {counts.other} neither, {counts.refuse} refused, "
        f"{counts.need_check} need a person; {report.unanswered} unanswered"
    )
    if report.n == _released("acc").n:
        numbers = ", ".join(f"{key} {_released(key).value:.1%}" for key in ("acc", "acc_star"))
        console.say(f"published for ChatGPT on the released set (second-hand): {numbers}")
    console.say(CAVEAT)


_HEADINGS: Final[Mapping[str, str]] = {
    "group": "group",
    "n": "n",
    "acc": "acc",
    "interval": "interval",
    "acc_star": "acc*",
    "both": "both",
    "bound": "place",
    "shorter": "short",
    "longer": "long",
}


def _row(name: str, report: ChoiceReport) -> dict[str, object]:
    return {
        "group": name,
        "n": report.n,
        "acc": _percent(report.acc),
        "interval": _interval(report.acc),
        "acc_star": _percent(report.acc_star),
        "both": _percent(report.shares["both_correct"]),
        "bound": _percent(report.shares["position_bound"]),
        "shorter": _hundredths(report.shorter),
        "longer": _hundredths(report.longer),
    }


def _percent(share: Share | None) -> str | None:
    return _hundredths(None if share is None else share.value)


def _hundredths(fraction: float | None) -> str | None:
    return None if fraction is None else f"{100 * fraction:.1f}"


def _interval(share: Share | None) -> str | None:
    return None if share is None else f"{100 * share.low:.1f}-{100 * share.high:.1f}"


def _released(key: str) -> PublishedNumber:
    return next(n for n in published_numbers() if n.key == f"mc.responsibility.{key}")
