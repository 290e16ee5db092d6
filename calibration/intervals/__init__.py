"""Intervals for rates and bounded means, and the distributions that they are read from."""
