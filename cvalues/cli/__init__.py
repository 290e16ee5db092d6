"""The program `cvalues`: the engine's verbs beside the benchmark's own."""

import os


def main() -> None:
    """Run the program; the console script's entry point."""
    # Before numpy is imported: its arrays are small here, and threads only wait for each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        from judge.cli.console import guarded
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    raise SystemExit(guarded(_run))


def _run() -> None:
    import sys

    from cvalues.cli.command_table import app
    from judge.cli.command_line import start

    start(app, sys.argv[1:])
