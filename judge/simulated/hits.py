"""What a simulated server was asked: counts that are always kept, and the latest requests."""

from collections import Counter, deque
from dataclasses import dataclass

KEPT = 10_000
"""Requests of which the record is kept; counts go on for ever."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One request; no header is kept, so no key is."""

    number: int
    """1 for the first since the start or the last reset."""
    path: str
    model: str
    """As asked for, without forced modes; empty where the path has no model."""
    mode: str
    """The fault or payload that struck, `answer` for an honest reply."""
    at: float
    """Seconds on the server's monotonic clock."""
    body: bytes
    """Empty unless the server was told to keep bodies."""


class Hits:
    """The counts of one server."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.reset()

    def reset(self) -> None:
        """Forget everything but what is under way."""
        self.total = 0
        self.connections = 0
        self.peak_in_flight = self.in_flight
        self.by_path: Counter[str] = Counter()
        self.by_mode: Counter[str] = Counter()
        self.by_model: Counter[str] = Counter()
        self.latest: deque[Hit] = deque(maxlen=KEPT)

    def add(self, hit: Hit) -> None:
        """Count one request; only chat completions have numbers and go into the total."""
        self.by_path[hit.path] += 1
        self.by_mode[hit.mode] += 1
        self.by_model[hit.model] += 1
        self.latest.append(hit)

    def begin(self) -> None:
        """Note that a reply is under way."""
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)

    def end(self) -> None:
        """Note that a reply is over, whole or not."""
        self.in_flight -= 1

    def summary(self) -> dict[str, object]:
        """Give the counts for `GET /stats`."""
        return {
            "provenance": "SIMULATED",
            "requests": self.total,
            "connections": self.connections,
            "in_flight": self.in_flight,
            "peak_in_flight": self.peak_in_flight,
            "by_path": dict(self.by_path),
            "by_mode": dict(self.by_mode),
            "by_model": dict(self.by_model),
        }
