"""One bad file: how it is written, and as what it is read."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Literal

Write = Callable[[Path, Random], None]
"""Puts the file at a path; draws what does not matter to the fault."""


@dataclass(frozen=True)
class Case:
    """A way in which a file is bad.

    Attributes
    ----------
    name : str
        The fault, in words.
    file : str
        Name of the file, whose suffix says how it is read.
    reads : {"responses", "labels"}
        As what it is read.
    encoding : str or None
        What the user declares.
    """

    name: str
    file: str
    write: Write
    reads: Literal["responses", "labels"] = "responses"
    encoding: str | None = None


def sound_row(number: int, rng: Random) -> dict[str, object]:
    """A response that nothing is wrong with."""
    words = rng.choice(
        ["请先联系当地的法律援助中心。", "Please ask a doctor first.", "好的，谢谢！"]
    )
    return {"id": f"p{number}", "prompt": f"问题{number}？", "response": words, "group": "law"}


def folder(path: Path, _rng: Random) -> None:
    """A folder in the file's place."""
    path.mkdir()


def loop(path: Path, _rng: Random) -> None:
    """A link to itself."""
    path.symlink_to(path)


def bytes_of(content: bytes) -> Write:
    """A file of exactly these bytes."""

    def write(path: Path, _rng: Random) -> None:
        path.write_bytes(content)

    return write
