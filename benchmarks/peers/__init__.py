"""What `benchmarks/engine.py` measures, and the server that it is measured against."""
