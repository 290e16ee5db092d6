"""The page: one HTML file with everything that a run, its calibration and its gate have to say.

Importing the package is light; what is heavy is imported when it is first used.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from judge.report.build import from_run, from_sides
    from judge.report.model import Report
    from judge.report.page import render, write_report

__all__ = ["Report", "from_run", "from_sides", "render", "write_report"]

_MODULES = {
    "Report": "judge.report.model",
    "from_run": "judge.report.build",
    "from_sides": "judge.report.build",
    "render": "judge.report.page",
    "write_report": "judge.report.page",
}


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return getattr(importlib.import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
