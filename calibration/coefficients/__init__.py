"""Coefficients of agreement between raters, one method a file."""
