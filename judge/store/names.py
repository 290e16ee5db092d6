"""Where the store is, and the names of its runs, without loading what a store needs."""

import os
import sqlite3
from pathlib import Path


def store_address(given: str | None) -> str:
    """Find the store: the option, else CVALUES_STORE, else .cvalues/store.db below this folder."""
    return given or os.environ.get("CVALUES_STORE") or str(Path(".cvalues") / "store.db")


def run_names(path: Path) -> list[str]:
    """List the runs of a store in a file, newest first; none where it cannot be read.

    For a shell that completes a word: it must answer at once and say nothing.
    """
    if not path.is_file():
        return []
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=0.2) as connection:
            found = connection.execute("SELECT name FROM runs ORDER BY run_id DESC").fetchall()
    except sqlite3.Error:
        return []
    return [str(name) for (name,) in found]
