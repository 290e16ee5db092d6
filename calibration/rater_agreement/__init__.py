"""Coefficients of agreement between raters."""
