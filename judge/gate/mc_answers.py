"""Multi-choice answers of two systems, item by item, as `cvalues mc --answers-out` writes them.

No judge stands between an answer and whether it is right, so each answer is its own label. The
items of one question, both orders of a pair among them, are one cluster.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np

from judge.errors import ConfigError
from judge.files.read import read_rows
from judge.files.row import Row, optional_text, text
from judge.gate.paired import Paired, cluster_codes, require_same_items
from judge.records import Provenance, worst

_WORDS = {"true": 1.0, "1": 1.0, "1.0": 1.0, "false": 0.0, "0": 0.0, "0.0": 0.0, "": np.nan}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One item as it was answered: 1 right, 0 wrong, NaN for no readable answer."""

    correct: float
    group: str | None
    question: str
    provenance: Provenance


def paired_answers(baseline: Path, candidate: Path, *, systems: tuple[str, str]) -> Paired:
    """Set two files of answers side by side.

    Parameters
    ----------
    baseline, candidate : Path
        Tables with ``id`` and ``correct`` (true, false or empty), and ``group``, ``question``,
        ``system`` and ``provenance`` where they are known.
    systems : (str, str)
        Names of the systems that a gate compares; a file that names another is refused.

    Raises
    ------
    TableError
        At the first row that cannot be read.
    ConfigError
        If the files hold other systems, other items, or other questions under the same ids.
    """
    old = _read(baseline, system=systems[0])
    new = _read(candidate, system=systems[1])
    ids = tuple(old)
    names = str(baseline), str(candidate)
    require_same_items(names, ([(each, 0) for each in old], [(each, 0) for each in new]))
    changed = [each for each in ids if old[each].question != new[each].question]
    if changed:
        raise ConfigError(
            f"{names[0]} and {names[1]} ask different questions under the same ids "
            f"({', '.join(changed[:3])}); ask the same items of both."
        )
    first = np.array([old[each].correct for each in ids])
    second = np.array([new[each].correct for each in ids])
    none = np.zeros(len(ids), dtype=np.bool_)
    return Paired(
        prompts=tuple((each, 0) for each in ids),
        groups=tuple(old[each].group for each in ids),
        judge_baseline=first,
        human_baseline=first,
        judge_candidate=second,
        human_candidate=second,
        raw_baseline=first,
        raw_candidate=second,
        flagged_baseline=none,
        flagged_candidate=none,
        awaited_baseline=none,
        awaited_candidate=none,
        clusters=cluster_codes([old[each].question for each in ids]),
        provenance=worst({each.provenance for each in (*old.values(), *new.values())}),
        unmatched=0,
    )


def _read(path: Path, *, system: str) -> Mapping[str, Answered]:
    found: dict[str, Answered] = {}
    for row in read_rows(path, required=("id", "correct")):
        named = optional_text(row, "system")
        if named not in {None, system}:
            raise row.error(f"these are answers of {named!r}", f"give the answers of {system!r}")
        item = text(row, "id")
        if item in found:
            raise row.error(f"id {item!r} twice", "give one answer an item")
        found[item] = _answered(row, item)
    return found


def _answered(row: Row, item: str) -> Answered:
    word = str(row.values.get("correct") if row.values.get("correct") is not None else "")
    if word.strip().lower() not in _WORDS:
        raise row.error(f"'correct' is {word!r}", "write true or false, or leave it empty")
    stamp = optional_text(row, "provenance") or "RECORDED"
    known = {each: each for each in get_args(Provenance)}
    if stamp not in known:
        raise row.error(f"provenance {stamp!r}", f"use one of {', '.join(known)}")
    return Answered(
        correct=_WORDS[word.strip().lower()],
        group=optional_text(row, "group"),
        question=optional_text(row, "question") or item,
        provenance=known[stamp],
    )
