"""Open the store that a command means, and find a run in it."""

import difflib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from judge.cli.console import store_address
from judge.errors import ConfigError
from judge.store.base import Run
from judge.store.sql import Store, open_store


@contextmanager
def opened(given: str | None) -> Generator[Store]:
    """Open a store for as long as the context lasts."""
    store = open_store(store_address(given))
    try:
        yield store
    finally:
        store.close()


@contextmanager
def elsewhere(given: str | None) -> Generator[Store | None]:
    """Open a second store, where one is named that is there.

    Raises
    ------
    ConfigError
        If the name is that of a file that is not there; it is not made.
    """
    if given is None:
        yield None
        return
    if "://" not in given and not Path(given).is_file():
        raise ConfigError(f"{given}: no such file; write it with cvalues export --what run.")
    with opened(given) as store:
        yield store


def run_named(store: Store, name: str) -> Run:
    """Find a run.

    Raises
    ------
    ConfigError
        If there is none of that name; the message names the nearest.
    """
    run = store.find_run(name)
    if run is not None:
        return run
    names = [known.name for known in store.runs()]
    near = difflib.get_close_matches(name, names, n=1)
    fix = f"did you mean {near[0]!r}?" if near else f"the store has {', '.join(names) or 'none'}."
    raise ConfigError(f"no run {name!r} in {store.place}; {fix}")
