"""Scales of pictures: where a value stands, and which values are written below."""

import math
from dataclasses import dataclass

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Axis:
    """Maps values from `low` to `high` to pixels from `left` to `right`."""

    low: float
    high: float
    left: float
    right: float

    def at(self, value: float) -> float:
        """Give the place of a value; beyond the ends it stays at the end."""
        inside = min(max(value, self.low), self.high)
        share = (inside - self.low) / (self.high - self.low)
        return self.left + share * (self.right - self.left)


def ticks(low: float, high: float, *, most: int = 6) -> tuple[float, ...]:
    """Choose round values from one end to the other."""
    step = _round_step((high - low) / max(most - 1, 1))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(round(count * step, 9) for count in range(first, last + 1))


def around(
    values: list[float], *, within: tuple[float, float] | None = None, least: float = 0.0
) -> tuple[float, float]:
    """Choose round ends that hold all values, at least `least` apart and inside `within`."""
    low, high = (min(values), max(values)) if values else (within or (0.0, 1.0))
    missing = max(least - (high - low), 0.0)
    low, high = low - missing / 2, high + missing / 2
    step = _round_step((high - low) / 5 or 1.0)
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    if within is not None:
        low, high = max(low, within[0]), min(high, within[1])
    return low, high


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return power * next(step for step in _STEPS if step * power >= rough * (1 - 1e-9))
