"""The evaluation tools whose files are read, by the name that users know them by."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from judge.errors import ConfigError
from judge.files.row import nearest
from judge.importers.base import Imported
from judge.importers.deepeval import read_deepeval
from judge.importers.inspect_ai import read_inspect
from judge.importers.lm_eval import read_lm_eval
from judge.importers.opencompass import read_opencompass
from judge.importers.promptfoo import read_promptfoo


class Reader(Protocol):
    """Reads one file of a tool."""

    def __call__(self, path: str | Path, *, system: str | None = None) -> Imported:
        """Read a file; ``system`` names the model under test where the file does not."""
        ...


TOOLS: Mapping[str, Reader] = {
    "deepeval": read_deepeval,
    "inspect_ai": read_inspect,
    "lm_eval": read_lm_eval,
    "opencompass": read_opencompass,
    "promptfoo": read_promptfoo,
}


def read_of(tool: str, path: str | Path, *, system: str | None = None) -> Imported:
    """Read a file of a tool.

    Parameters
    ----------
    tool : str
        A key of ``TOOLS``.
    path : str or Path
    system : str, optional
        Name of the model under test; otherwise what the file says, or ``"default"``.

    Raises
    ------
    ConfigError
        If no tool has this name.
    TableError
        If the file is not one of the tool's.
    """
    read = TOOLS.get(tool)
    if read is None:
        near = nearest(tool, TOOLS)
        wanted = f"did you mean {near}?" if near else f"use one of {', '.join(TOOLS)}."
        raise ConfigError(f"files of {tool!r} are not read; {wanted}")
    return read(path, system=system)
