"""`cvalues run`: a whole run from one file."""

from pathlib import Path
from typing import Annotated

import typer


def run(
    context: typer.Context,
    config: Annotated[Path, typer.Argument(help="The pipeline, a YAML file; see docs/run.md.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Dry run: print the commands without running them.")
    ] = False,
) -> None:
    """Run a pipeline from one file: generate, judge, multiple choice, calibrate, report.

    Each command is printed before it runs. The same command resumes an interrupted pipeline.
    """
    import json
    import shlex

    from cvalues.pipeline import Pipeline, commands
    from judge.cli import console
    from judge.files.atomic import make_folder, write_whole
    from rubrics.load import load_as

    pipeline = load_as(Pipeline, config)
    folder = Path(pipeline.out)
    if not dry_run:
        make_folder(folder)
    steps: list[dict[str, object]] = []
    for words in commands(pipeline, config):
        console.note(f"$ {shlex.join(['cvalues', *words])}")
        if dry_run:
            continue
        code = _run_command(context, words)
        steps.append({"command": list(words), "exit_code": code})
        manifest = {"name": pipeline.name, "config": pipeline.model_dump(), "steps": steps}
        text = json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"
        write_whole(folder / "manifest.json", text)
        if code:
            again = shlex.join(["cvalues", "run", str(config)])
            console.note(f"stopped with exit code {code}; go on with: {again}")
            raise SystemExit(code)


def _run_command(context: typer.Context, words: tuple[str, ...]) -> int:
    """Run one command of the program as if it had been typed."""
    from judge.cli.console import guarded

    program = context.find_root().command
    return guarded(lambda: program.main(list(words), prog_name=context.find_root().info_name))
