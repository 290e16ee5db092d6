"""How `cvalues mc` shows what it found: on a terminal, as JSON, as tables for people and tools."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

from cvalues.cli.choices import Answered
from cvalues.multiple_choice.answers_file import answer_rows, write_review
from cvalues.multiple_choice.evaluate import evaluate_choices
from cvalues.multiple_choice.items import ChoiceItem
from cvalues.multiple_choice.metrics import (
    Axis,
    ChoiceReport,
    Share,
    mix_sweep,
    reweighted_accuracy,
)
from cvalues.published import published_numbers
from judge.cli import console
from judge.errors import ConfigError
from judge.exporters.atomic import write_whole
from judge.exporters.files import write_rows

CAVEAT: Final = (
    "A choice shows what a model recognises, not what it writes; the released labels have been "
    "public since 2023."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Shares that kinds of items could have."""

    words: str
    """As they were given, such as ``origin:chatgpt=0.5,person=0.5``."""
    axis: Axis
    shares: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a command line wants to see, and where."""

    out_json: Path | None
    review_out: Path | None
    answers_out: Path | None
    mixes: tuple["Mix", ...]
    confidence: float
    published: bool
    as_json: bool


def read_mix(words: str, items: Sequence[ChoiceItem]) -> Mix:
    """Read a mix that a command line wishes for.

    Raises
    ------
    ConfigError
        If it cannot be read, its shares do not sum to 1, or no item is of a kind that it names.
    """
    name, _, listed = words.partition(":")
    axis = console.one_of(name, get_args(Axis), option="--mix")
    parts = [part.rpartition("=") for part in listed.split(",")]
    try:
        shares = {kind.strip(): float(share) for kind, _, share in parts}
    except ValueError:
        raise ConfigError(f"--mix {words!r}: write {axis}:KIND=SHARE,KIND=SHARE.") from None
    kinds = sorted({str(kind) for item in items if (kind := getattr(item.pair, axis))})
    unknown = [kind for kind in shares if kind not in kinds]
    if unknown:
        there = f"is one of {', '.join(kinds)}" if kinds else "is not said"
        raise ConfigError(f"--mix: no item's {axis} is {unknown[0]!r}; here it {there}.")
    if min(shares.values()) < 0.0 or abs(sum(shares.values()) - 1.0) > 1e-9:
        raise ConfigError(f"--mix {words!r}: make the shares sum to 1, none below 0.")
    return Mix(words=words, axis=axis, shares=shares)


def show(given: Answered, wanted: Wanted) -> int:
    """Count, write what is wanted, print, and choose the exit code."""
    report = evaluate_choices(given.answers, confidence=wanted.confidence)
    read = [answer.read() for answer in given.answers]
    mixed = {
        mix.words: reweighted_accuracy(read, mix.axis, mix.shares, confidence=wanted.confidence)
        for mix in wanted.mixes
    }
    document = _document(given, report, mixed, wanted)
    if wanted.out_json is not None:
        text = json.dumps(document, ensure_ascii=False, indent=2)
        write_whole(wanted.out_json, text + "\n")
    if wanted.review_out is not None:
        count = write_review(wanted.review_out, given.answers)
        again = f"--review {wanted.review_out}"
        console.note(f"{count} answers to read in {wanted.review_out}; give it back with {again}")
    if wanted.answers_out is not None:
        rows = answer_rows(given.answers, system=given.system, provenance=given.provenance)
        count = write_rows(wanted.answers_out, rows, form="jsonl")
        console.note(f"{count} answers in {wanted.answers_out}")
    if wanted.as_json:
        console.as_json(document)
    else:
        _print(given, report, mixed)
        if wanted.published:
            _print_published()
    if given.resume:
        console.note(f"resume with: {given.resume}")
    if given.interrupted:
        return console.INTERRUPTED
    return console.INCOMPLETE if report.unanswered else console.DONE


def _document(
    given: Answered, report: ChoiceReport, mixed: Mapping[str, Share], wanted: Wanted
) -> dict[str, object]:
    readers = Counter(answer.reader for answer in given.answers)
    published = [number.model_dump(mode="json") for number in published_numbers()]
    return {
        **report.as_dict(),
        "mix": {axis: _sweep(given, report, axis) for axis in _SWEPT},
        "mixed": {words: _bounded(share) for words, share in mixed.items()},
        "system": given.system,
        "run": given.run,
        "provenance": given.provenance,
        "settled_by_model": readers["model"],
        "settled_by_hand": readers["person"],
        **({"published": published} if wanted.published else {}),
    }


_SWEPT: Final[tuple[Axis, ...]] = ("difficulty_level", "origin", "pair_type")
"""What a set could have had more or less of."""


def _sweep(given: Answered, report: ChoiceReport, axis: Axis) -> dict[str, list[dict[str, float]]]:
    read = [answer.read() for answer in given.answers]
    swept = mix_sweep(read, axis, confidence=report.confidence)
    return {
        name: [{"share": share, **_bounded(acc)} for share, acc in found]
        for name, found in swept.items()
    }


def _bounded(acc: Share) -> dict[str, float]:
    return {"acc": acc.value, "low": acc.low, "high": acc.high}


def _print(given: Answered, report: ChoiceReport, mixed: Mapping[str, Share]) -> None:
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
    for words, share in mixed.items():
        console.say(f"with {words}: acc {_percent(share)} ({_interval(share)})")
    _print_spread(given, report)
    console.say(CAVEAT)


def _print_spread(given: Answered, report: ChoiceReport) -> None:
    """Say how far acc would go if the set were of one kind alone."""
    for axis in _SWEPT:
        alone = [found[-1]["acc"] for found in _sweep(given, report, axis).values()]
        if alone:
            console.say(
                f"acc depends on the mix of {axis}: {_hundredths(min(alone))} to "
                f"{_hundredths(max(alone))}, were all items of one kind"
            )


def _print_published() -> None:
    rows = [
        {
            "what": number.what["en"],
            "system": number.system,
            "value": _hundredths(number.value),
            "n": number.n,
            "confidence": number.confidence,
        }
        for number in published_numbers()
    ]
    console.say()
    columns = ("what", "system", "value", "n", "confidence")
    console.table(rows, {name: name for name in columns})
    for source in dict.fromkeys(number.source for number in published_numbers()):
        console.say(f"source: {source}")


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
