"""The data sets that the benchmark reads: bundled, fetched, or a user's own."""
