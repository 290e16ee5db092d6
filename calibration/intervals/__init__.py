"""Intervals for rates and bounded means, and the distributions that they are read from."""

from calibration.intervals.classical import clopper_pearson, logit_t_interval
from calibration.intervals.gaffke import mean_interval

__all__ = ["clopper_pearson", "logit_t_interval", "mean_interval"]
