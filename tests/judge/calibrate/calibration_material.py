"""Scores and labels that tests of `judge.calibrate` build on."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from judge.calibrate.calibration_set import Counting, Part

NAN = float("nan")
RATE = Counting(low=0.0, high=1.0, at_least=1.0)


def part(
    verdicts: Sequence[float],
    *labels: Sequence[float],
    counting: Counting = RATE,
    gold: str | None = None,
    groups: Sequence[str | None] = (),
    system: str = "m",
) -> Part:
    """Make a part; each sequence of labels is one rater's: e1, e2, ..."""
    return Part(
        judge="j",
        criterion="safe",
        system=system,
        counting=counting,
        units=tuple((f"p{number}", system, 0) for number in range(len(verdicts))),
        groups=tuple(groups) or (None,) * len(verdicts),
        verdicts=np.array(verdicts, dtype=np.float64),
        labels=np.array(labels, dtype=np.float64).T,
        raters=tuple(f"e{number}" for number in range(1, len(labels) + 1)),
        gold=gold,
    )


def table(path: Path, rows: Iterable[Mapping[str, object]]) -> Path:
    """Write a CSV table."""
    listed = list(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(listed[0]))
        writer.writeheader()
        writer.writerows(listed)
    return path


def scores(path: Path, levels: Sequence[object], *, system: str = "m") -> Path:
    """Write the scores of judge j under the criterion safe."""
    return table(
        path,
        (
            {"id": f"p{n}", "system": system, "judge": "j", "criterion": "safe", "score": level}
            for n, level in enumerate(levels)
        ),
    )


def labels(path: Path, levels: Mapping[int, object], *raters: str, system: str = "m") -> Path:
    """Write the labels of some items, the same by each rater."""
    return table(
        path,
        (
            {"id": f"p{n}", "system": system, "rater": rater, "criterion": "safe", "score": level}
            for n, level in levels.items()
            for rater in raters or ("e1",)
        ),
    )
