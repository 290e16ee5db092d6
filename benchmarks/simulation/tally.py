"""Counting how often intervals cover the truth."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from simulation.draws import Case, Draw

Limits = tuple[float, float]
Method = Callable[[Case], Limits]
Refusals = tuple[type[Exception], ...]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One setting of the simulation: what it is, how to draw it, who answers."""

    section: str
    setting: str
    n: int
    draw: Draw
    methods: Mapping[str, Method]


def run_cell(cell: Cell, repeats: int, refusals: Refusals) -> list[dict[str, object]]:
    """Draw the cell ``repeats`` times; one row of counts for each method.

    Rates are shares of the answers given. A refusal is an answer not given; it is counted apart.
    """
    seed = [cell.n, *cell.section.encode(), *cell.setting.encode()]
    limits: dict[str, list[Limits]] = {name: [] for name in cell.methods}
    truth: float | Mapping[str, float] = float("nan")
    limit = None
    for repeat in range(repeats):
        case = cell.draw(np.random.default_rng([repeat, *seed]))
        truth, limit = case.truth, case.limit
        for name, method in cell.methods.items():
            try:
                limits[name].append(method(case))
            except refusals:
                continue
    return [
        _row(cell, name, np.array(given), truth=_of(truth, name), repeats=repeats)
        | ({} if limit is None else {"limit": limit})
        for name, given in limits.items()
    ]


def _of(truth: float | Mapping[str, float], method: str) -> float:
    """Give the truth that a method is held to; each has its own where methods estimate others."""
    return truth[method] if isinstance(truth, Mapping) else truth


def _row(
    cell: Cell, method: str, limits: np.ndarray, *, truth: float, repeats: int
) -> dict[str, object]:
    row: dict[str, object] = {
        "section": cell.section,
        "setting": cell.setting,
        "n": cell.n,
        "method": method,
        "repeats": repeats,
        "answered": len(limits) / repeats,
    }
    return row | limit_counts(limits, truth=truth)


def limit_counts(limits: np.ndarray, *, truth: float) -> dict[str, object]:
    """Count how often limits, shape (R, 2), hold the truth; nothing where there are none."""
    if not len(limits):
        return {}
    low, high = limits[:, 0], limits[:, 1]
    too_high, too_low = low > truth + 1e-9, high < truth - 1e-9
    return {
        "coverage": 1.0 - float(too_high.mean() + too_low.mean()),
        "false_pass": float(too_high.mean()),
        "false_fail": float(too_low.mean()),
        "width": float((high - low).mean()),
        "zero_width": int((high <= low).sum()),
    }
