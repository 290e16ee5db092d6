"""Judge responses, calibrate the judge against experts, compare and gate releases.

Importing the package is light; what is heavy is imported when it is first used.
"""

from typing import TYPE_CHECKING

from judge.records import Generation, Item, Judge, Judgment

if TYPE_CHECKING:
    from judge.notebook.calibrate import Calibration, calibrate
    from judge.notebook.releases import Comparison, GateResult, compare, gate
    from judge.run.api import agrade, grade
    from judge.run.judgments import Judgments

__all__ = [
    "Calibration",
    "Comparison",
    "GateResult",
    "Generation",
    "Item",
    "Judge",
    "Judgment",
    "Judgments",
    "agrade",
    "calibrate",
    "compare",
    "gate",
    "grade",
]

_HOME = {
    "Calibration": "judge.notebook.calibrate",
    "Comparison": "judge.notebook.releases",
    "GateResult": "judge.notebook.releases",
    "Judgments": "judge.run.judgments",
    "agrade": "judge.run.api",
    "calibrate": "judge.notebook.calibrate",
    "compare": "judge.notebook.releases",
    "gate": "judge.notebook.releases",
    "grade": "judge.run.api",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOME[name]), name)
