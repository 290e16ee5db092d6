"""Names that a shell completes: the runs of the store, and the rubrics of the library."""

from pathlib import Path

from judge.store.names import run_names, store_address


def complete_run(incomplete: str) -> list[str]:
    """Offer the runs of the default store; of a file only, for a server could keep a shell."""
    names = run_names(Path(store_address(None)))
    return [name for name in names if name.startswith(incomplete)]


def complete_rubric(incomplete: str) -> list[str]:
    """Offer the rubrics of the library, also after a comma."""
    from rubrics import list_rubrics

    before, comma, last = incomplete.rpartition(",")
    ids = sorted({entry.id for entry in list_rubrics()})
    return [f"{before}{comma}{name}" for name in ids if name.startswith(last)]
