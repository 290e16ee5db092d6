"""The engine's commands, mounted by the program `cvalues` beside the benchmark's own."""
