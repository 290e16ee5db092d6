"""Calibrate, compare and gate as functions whose results show themselves in a notebook."""
