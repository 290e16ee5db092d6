"""The evaluation tools whose files are read, by the name that users know them by.

A tool of this package is one file and one line of `BUILT_IN`; another package adds one by an entry
point in the group ``cvalues.importers``: its name, and a function like those here.
"""

import importlib
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast

from judge.errors import ConfigError
from judge.files.decoding import Place
from judge.files.row import nearest

if TYPE_CHECKING:
    from judge.importers.base import Imported

GROUP: Final = "cvalues.importers"

BUILT_IN: Final[Mapping[str, str]] = {
    "chat": "judge.importers.traces:read_chat",
    "deepeval": "judge.importers.deepeval:read_deepeval",
    "inspect_ai": "judge.importers.inspect_ai:read_inspect",
    "langfuse": "judge.importers.traces:read_langfuse",
    "lm_eval": "judge.importers.lm_eval:read_lm_eval",
    "mlflow": "judge.importers.traces:read_mlflow",
    "opencompass": "judge.importers.opencompass:read_opencompass",
    "opentelemetry": "judge.importers.traces:read_otel",
    "parquet": "judge.importers.parquet:read_parquet_table",
    "promptfoo": "judge.importers.promptfoo:read_promptfoo",
    "sharegpt": "judge.importers.traces:read_sharegpt",
}


class Reader(Protocol):
    """Reads one file of a tool."""

    def __call__(self, path: str | Path, *, system: str | None = None) -> "Imported":
        """Read a file; ``system`` names the model under test where the file does not."""
        ...


def tools() -> tuple[str, ...]:
    """Name every tool whose files are read, registered ones too."""
    return tuple(sorted({*BUILT_IN, *_registered()}))


def read_of(tool: str, path: str | Path, *, system: str | None = None) -> "Imported":
    """Read a file of a tool.

    Parameters
    ----------
    tool : str
        One of `tools`.
    path : str or Path
    system : str, optional
        Name of the model under test; otherwise what the file says, or ``"default"``.

    Raises
    ------
    ConfigError
        If no tool has this name, or a registered one cannot be loaded.
    TableError
        If the file is not one of the tool's, or all that it holds has failed.
    """
    imported = _reader(tool)(path, system=system)
    if not imported.generations and not imported.scores:
        why = f": {imported.left_out[0]}" if imported.left_out else ""
        raise Place(Path(path)).error(
            f"holds no response{why}", f"run the evaluation again, and see what {tool} says of it"
        )
    return imported


def _reader(tool: str) -> Reader:
    registered = _registered().get(tool)
    where = BUILT_IN.get(tool) or (registered.value if registered else None)
    if where is None:
        near = nearest(tool, tools())
        wanted = f"did you mean {near}?" if near else f"use one of {', '.join(tools())}."
        raise ConfigError(f"files of {tool!r} are not read; {wanted}")
    module, _, function = where.partition(":")
    try:
        return cast("Reader", getattr(importlib.import_module(module), function))
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"the importer {tool!r} ({where}) cannot be loaded: {error}; reinstall its package."
        ) from None


def _registered() -> Mapping[str, EntryPoint]:
    """Find the importers of other packages; of two with one name the first that Python finds."""
    return {point.name: point for point in reversed(entry_points(group=GROUP))}
