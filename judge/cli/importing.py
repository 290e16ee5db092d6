"""`cvalues import`: read what another evaluation tool has kept."""

from pathlib import Path
from typing import Annotated

import typer

from judge.cli.options import AsJson


def import_(
    tool: Annotated[
        str, typer.Argument(help="deepeval, inspect_ai, lm_eval, opencompass or promptfoo.")
    ],
    file: Annotated[Path, typer.Argument(help="The tool's file of results.")],
    out: Annotated[
        Path | None, typer.Option(help="Write the responses here, ready for cvalues judge.")
    ] = None,
    scores: Annotated[
        Path | None, typer.Option(help="Write the tool's scores here, for cvalues calibrate.")
    ] = None,
    system: Annotated[
        str | None, typer.Option(help="Name of the model under test, where the file has none.")
    ] = None,
    json_: AsJson = False,
) -> None:
    """Turn another tool's results into responses to judge or scores to calibrate."""
    from judge.cli import console
    from judge.exporters.files import write_rows
    from judge.exporters.rows import generation_row
    from judge.importers.tools import read_of

    read = read_of(tool, file, system=system)
    if out is not None:
        write_rows(out, map(generation_row, read.generations), form="jsonl")
    if scores is not None:
        write_rows(scores, (score.model_dump() for score in read.scores), form="jsonl")
    found = {
        "responses": len(read.generations),
        "scores": len(read.scores),
        "left_out": list(read.left_out),
    }
    if json_:
        console.as_json(found)
        return
    console.say(f"{found['responses']} responses, {found['scores']} scores")
    for line in read.left_out:
        console.note(f"left out: {line}")
