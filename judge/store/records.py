"""What goes into a store and comes out of it, beside the records of the engine. No SQL."""

from hashlib import blake2b
from typing import Literal

from pydantic import Field

from judge.manifest import Manifest
from judge.records import Answer, Attempt, Judgment, Record


class Run(Record):
    """A named set of generations with all that was said of them."""

    run_id: int
    name: str
    created_at: str
    """UTC time in ISO 8601."""
    manifest: Manifest


class AttemptStarted(Record):
    """A call that is about to be made."""

    serial: int
    started_at: str
    attempt: Attempt


class AttemptEnded(Record):
    """What became of a call."""

    serial: int
    attempt: Attempt


Write = AttemptStarted | AttemptEnded | Judgment | Answer


class Label(Record):
    """What one expert said of one generation for one criterion."""

    id: str
    system: str
    sample: int = 0
    rater: str
    criterion: str
    score: float | None
    """None where the expert could not assess; never a number."""
    group: str | None = None
    rubric: str | None = None
    rubric_hash: str | None = None
    text_sha256: str | None = None
    """Digest of the prompt and response that were labelled; None where nobody said."""
    turn: int | None = Field(default=None, ge=0, exclude_if=lambda turn: turn is None)
    """Index of the first turn at fault, in a label of a whole conversation; None where none is, or
    where nobody said."""
    rationale: str = ""
    kind: Literal["label", "adjudicate"] = "label"
    """A third's label of an item in dispute counts for the item, not for how experts agree."""
    source: str = ""
    """How it came: web, xlsx, label-studio, csv."""


def boundary_code(secret: str, key: str) -> str:
    """Draw the boundary code of a line from its part: the same each time, and not to be guessed."""
    return blake2b(key.encode(), key=bytes.fromhex(secret), digest_size=8).hexdigest()
