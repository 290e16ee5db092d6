"""How much may flow to a provider in a minute: requests, tokens, and retries of failed calls."""

from collections import Counter

from judge.models.clock import Clock


class TokenBucket:
    """A budget that refills evenly: at most ten seconds' worth may be saved up.

    Parameters
    ----------
    per_minute : float
        Units that flow in each minute.
    clock : Clock
    """

    def __init__(self, per_minute: float, clock: Clock) -> None:
        self._rate = per_minute / 60.0
        self._size = max(1.0, per_minute / 6.0)
        self._level = self._size
        self._clock = clock
        self._filled = clock.now()

    def take(self, units: float) -> float:
        """Take units now and give the seconds to wait before using them.

        The bucket may go below zero, which makes later takers wait longer: first come, first
        served, and a call of more units than the bucket holds is made too.
        """
        now = self._clock.now()
        self._level = min(self._size, self._level + (now - self._filled) * self._rate)
        self._filled = now
        self._level -= units
        return max(0.0, -self._level / self._rate)


class RetryBudget:
    """How many failed calls of a provider may be retried, so that an outage is not made worse.

    Parameters
    ----------
    share : float
        Retries allowed as a fraction of the calls in the window.
    floor : int
        Retries always allowed in a window.
    clock : Clock
    """

    WINDOW = 60

    def __init__(self, share: float, floor: int, clock: Clock) -> None:
        self._share = share
        self._floor = floor
        self._clock = clock
        self._calls: Counter[int] = Counter()
        self._retries: Counter[int] = Counter()

    def called(self) -> None:
        """Note one call."""
        self._calls[self._second()] += 1

    def spend(self) -> bool:
        """Take one retry from the budget; False when it is spent."""
        second = self._second()
        if self._retries.total() >= max(self._floor, self._share * self._calls.total()):
            return False
        self._retries[second] += 1
        return True

    def _second(self) -> int:
        """Give the current second, and forget those that left the window."""
        second = int(self._clock.now())
        if second not in self._calls:
            for counted in (self._calls, self._retries):
                for old in [past for past in counted if past <= second - self.WINDOW]:
                    del counted[old]
        return second
