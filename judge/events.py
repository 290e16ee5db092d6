"""What happens to a run, as events for logs and telemetry: counts and names, never a text or a key.

Events go to Python's logging under `LOG`; nothing listens unless a program adds a handler.
"""

import logging
from collections.abc import Mapping
from typing import Final

Value = str | int | float | bool | None

LOG: Final = logging.getLogger("cvalues.events")
"""Each record has the attributes ``event`` (its name) and ``fields`` (a mapping)."""

FIELDS: Final[Mapping[str, frozenset[str]]] = {
    name: frozenset(fields.split())
    for name, fields in {
        "run_started": "run kind way planned open resumed concurrency",
        "run_ended": "run planned scored unscored error skipped calls usd seconds interrupted",
        "budget_reached": "run limit",
        "limit_lowered": "provider allowed pause_s",
        "part_posted": "run part lines provider batch_id",
        "part_refused": "run part lines provider",
        "part_collected": "run part lines answered provider",
        "worker_joined": "run worker lease_s concurrency",
        "worker_claimed": "run worker blocks tasks",
        "lease_lost": "run worker block tasks",
        "worker_left": "run worker limit",
        "judgment": "model outcome usd prompt_tokens completion_tokens",
    }.items()
}
"""Everything that an event may say: no field holds a text of a data set, a model or a user."""


def happened(event: str, *, level: int = logging.INFO, **fields: Value) -> None:
    """Tell of an event.

    Parameters
    ----------
    event : str
        One of `FIELDS`.
    level : int
        Events of single judgments have ``logging.DEBUG``.
    **fields : str, int, float, bool or None
        Among those that `FIELDS` lists for the event.

    Raises
    ------
    ValueError
        If a field is not listed: what may hold a prompt, a response or a key has no place.
    """
    if not LOG.isEnabledFor(level):
        return
    unlisted = fields.keys() - FIELDS[event]
    if unlisted:
        raise ValueError(f"event {event} has no field {min(unlisted)}")
    LOG.log(level, event, extra={"event": event, "fields": fields})
