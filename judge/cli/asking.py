"""Options of the commands that hold scores against labels, so that they read the same."""

from pathlib import Path
from typing import Annotated

import typer

Scores = Annotated[
    Path | None,
    typer.Option(help="CSV, XLSX or JSONL of any tool: id, system, judge, criterion, score."),
]
RunName = Annotated[str | None, typer.Option("--run", help="A run, instead of --scores.")]
Labels = Annotated[
    Path | None,
    typer.Option(help="Expert labels: id, system, rater, criterion, score. Else the run's."),
]
JudgeName = Annotated[str | None, typer.Option("--judge", help="One judge of several.")]
By = Annotated[str | None, typer.Option(help="Column to report by, such as group.")]
Clusters = Annotated[
    str | None, typer.Option(help="Column of the prompt that several items share.")
]
Scales = Annotated[
    list[str] | None,
    typer.Option("--scale", help="[CRITERION=]MIN,MAX, where scores are not 0 and 1."),
]
AtLeast = Annotated[
    list[str] | None,
    typer.Option(help="[CRITERION=]LEVEL: count items at that level or above."),
]
Only = Annotated[
    list[str] | None, typer.Option(help="[CRITERION=]GROUP,...: ask of these groups only.")
]
Gold = Annotated[
    str | None, typer.Option(help="Rater whose labels settle the items; else all vote.")
]
