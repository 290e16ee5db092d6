"""The page: one HTML file with everything that a run, its calibration and its gate have to say."""

from judge.report.build import from_run, from_sides
from judge.report.model import Report
from judge.report.render import render, write_report

__all__ = ["Report", "from_run", "from_sides", "render", "write_report"]
