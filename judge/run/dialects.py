"""What a run has learnt of how its models take their settings, kept with the run.

A resumed run, and each further worker, begins with it, so that no refusal is paid for again.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from judge.models.dialect import Learnt

if TYPE_CHECKING:
    from judge.store.records import Run
    from judge.store.store import Store

KIND = "dialects"
"""Kind of the document in the store."""

_DIALECTS = TypeAdapter(dict[str, Learnt])


def kept_dialects(store: "Store", run: "Run") -> dict[str, Learnt]:
    """Read what earlier parts of a run have learnt, by the names of its models."""
    body = store.latest_document(run, KIND)
    return {} if body is None else _DIALECTS.validate_json(body)


def keep_dialects(
    store: "Store", run: "Run", learnt: Mapping[str, Learnt], *, before: Mapping[str, Learnt]
) -> None:
    """Keep what a run has learnt, where that is something new."""
    if dict(learnt) != dict(before):
        store.add_document(run, KIND, _DIALECTS.dump_json(dict(learnt)).decode())
