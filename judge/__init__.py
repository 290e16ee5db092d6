"""The engine: ask judge models, keep what they said, gate releases, report.

Importing the package is light; what is heavy is imported when it is first used.
"""

from typing import TYPE_CHECKING

from judge.records import Generation, Item, Judge, Judgment

if TYPE_CHECKING:
    from judge.run.api import agrade, grade

__all__ = ["Generation", "Item", "Judge", "Judgment", "agrade", "grade"]


def __getattr__(name: str) -> object:
    if name in {"agrade", "grade"}:
        from judge.run import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
