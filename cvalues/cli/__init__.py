"""The program `cvalues`: the engine's verbs beside the benchmark's own."""


def main() -> None:
    """Run the program; the console script's entry point."""
    from judge.cli.console import guarded

    raise SystemExit(guarded(_run))


def _run() -> None:
    from cvalues.cli.app import app

    app()
