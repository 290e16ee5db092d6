"""What stands behind the corrected estimates: labels and their weights, strata, adjustments."""
