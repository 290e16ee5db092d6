"""A value with its interval, and an interval alone, as they are written down and printed."""

from calibration.estimate import Estimate, Interval
from judge.records import Record


class Ends(Record):
    """An interval."""

    low: float
    high: float

    @classmethod
    def of(cls, interval: Interval | None) -> "Ends | None":
        """Keep an interval, where there is one."""
        return None if interval is None else cls(low=interval.low, high=interval.high)


class Number(Record):
    """A value with its interval."""

    value: float
    low: float
    high: float
    confidence: float
    method: str
    n_judged: int
    n_labelled: int

    @classmethod
    def of(cls, estimate: Estimate) -> "Number":
        """Keep the numbers of an estimate."""
        return cls(
            value=estimate.value,
            low=estimate.low,
            high=estimate.high,
            confidence=estimate.confidence,
            method=estimate.method,
            n_judged=estimate.n_judged,
            n_labelled=estimate.n_labelled,
        )
