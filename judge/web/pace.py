"""How fast and how long a person works: limits on requests, and when a break is due.

Held in memory only: a restart forgives, and nobody's pauses are kept.
"""

from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

STRETCH = timedelta(minutes=45)
"""Work without a pause after which a break is suggested."""

PAUSE = timedelta(minutes=8)
"""Silence that counts as a break."""

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Pace:
    """The recent doings of everybody in the room."""

    clock: Callable[[], datetime]
    _recent: defaultdict[tuple[str, str], deque[datetime]] = field(
        default_factory=lambda: defaultdict(deque)
    )
    _stretches: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)

    def allows(self, who: str, what: str, *, a_minute: int) -> bool:
        """Count one more of something, unless it would be too many within a minute."""
        at, recent = self.clock(), self._recent[who, what]
        while recent and at - recent[0] > MINUTE:
            recent.popleft()
        if len(recent) >= a_minute:
            return False
        recent.append(at)
        return True

    def minutes_on_end(self, who: str) -> int | None:
        """Note that a person is at work; give the minutes since their last break once it is due."""
        at = self.clock()
        began, last = self._stretches.get(who, (at, at))
        if at - last >= PAUSE:
            began = at
        self._stretches[who] = (began, at)
        worked = at - began
        return int(worked / MINUTE) if worked >= STRETCH else None
