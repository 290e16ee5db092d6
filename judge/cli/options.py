"""Options that several commands share, so that they read and mean the same everywhere."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, cast

import typer

StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        help="Path of a SQLite file or a SQLAlchemy URL. Else CVALUES_STORE, else "
        ".cvalues/store.db.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
Encoding = Annotated[
    str | None,
    typer.Option(help="Encoding of the file where it is not UTF-8, such as gb18030."),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(help="Address of an OpenAI-compatible server, such as http://localhost:8000/v1."),
]
ApiKeyEnv = Annotated[
    str | None,
    typer.Option(help="NAME of the environment variable with the key (never the key itself)."),
]
Seed = Annotated[int | None, typer.Option(help="Passed to providers that take one.")]
Concurrency = Annotated[int, typer.Option(min=1, help="Most calls in flight.")]
MaxAttempts = Annotated[int, typer.Option(min=1, help="HTTP calls for one question.")]
Timeout = Annotated[float, typer.Option(min=0.1, help="Seconds for one call.")]
MaxCalls = Annotated[int | None, typer.Option(min=0, help="Stop before more calls.")]
BudgetUsd = Annotated[float | None, typer.Option(min=0, help="Stop before more costs.")]
PriceOption = Annotated[
    str | None, typer.Option(help="US dollars for a million tokens: PROMPT,COMPLETION.")
]
Rpm = Annotated[float | None, typer.Option(min=1, help="Requests a minute, by provider.")]
Tpm = Annotated[float | None, typer.Option(min=1, help="Tokens a minute, by provider.")]
TransportOption = Annotated[str, typer.Option(help="auto, litellm or direct.")]
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


def group_names(context: typer.Context) -> Mapping[str, tuple[str, str]]:
    """Take the names of groups from the program that mounts a command, where it gives any.

    They are the object of its context: by key, the name in Chinese and in English.
    """
    return cast("dict[str, tuple[str, str]] | None", context.find_object(dict)) or {}


def parts(joined: str) -> tuple[str, ...]:
    """Split a list that was given with commas.

    Raises
    ------
    judge.errors.ConfigError
        If it is empty or names something twice.
    """
    from judge.errors import ConfigError

    listed = tuple(part.strip() for part in joined.split(",") if part.strip())
    if not listed or len(set(listed)) != len(listed):
        said = f"{joined!r} names something twice" if listed else "a list holds no name"
        raise ConfigError(f"{said}; give names with commas between, each once.")
    return listed
