"""A whole run from one file: generate, judge, multi-choice, calibrate, report.

A pipeline is nothing but the commands that a user would type, in order and with the same run names
each time, so every step resumes by itself and every step can be repeated by hand.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from rubrics.record import Record, Text, problem

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=60)]
Command = tuple[str, ...]


class Endpoint(Record):
    """A model and where it is reached."""

    model: Text
    base_url: Text | None = None
    api_key_env: Text | None = None
    """Name of the environment variable that holds the key, never the key."""


class Generating(Endpoint):
    """The model under test and its prompts."""

    prompts: Text
    """A table of id and prompt."""
    system: Text | None = None
    """What tables call the model."""
    samples: Annotated[int, Field(ge=1)] = 1
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.7


class Judging(Endpoint):
    """The judge and its rubrics; several models make a panel, separated by commas."""

    rubrics: Annotated[tuple[Text, ...], Field(min_length=1)]
    repeats: Annotated[int, Field(ge=1)] = 1


class Choosing(Record):
    """The multi-choice check: asked of the model under test, or read from recorded answers."""

    items: Text
    responses: Text | None = None


class Calibrating(Record):
    """The experts' labels."""

    labels: Text
    design: Literal["random", "by-verdict", "curated"]


class Pipeline(Record):
    """What is to be done, in the order in which it is done."""

    version: Text
    name: Name
    """Runs are called after it: NAME-generate, NAME-judge, NAME-mc."""
    out: Text = "."
    """Folder for the files that are made."""
    store: Text | None = None
    responses: Text | None = None
    """A table of responses, where none are generated."""
    generate: Generating | None = None
    judge: Judging | None = None
    mc: Choosing | None = None
    calibrate: Calibrating | None = None
    report: bool = True

    @model_validator(mode="after")
    def _has_something_to_judge(self) -> Self:
        given = (self.responses is not None) + (self.generate is not None)
        if self.judge is not None and given != 1:
            raise problem(
                "judge needs responses, from a file or generated, and not both",
                fix="give either responses or generate",
                at=("judge",),
            )
        if self.mc is not None and self.mc.responses is None and self.generate is None:
            raise problem(
                "mc has no model to ask",
                fix="give mc.responses, or generate with the model under test",
                at=("mc",),
            )
        if self.calibrate is not None and self.judge is None:
            raise problem("calibrate needs judge", fix="add judge", at=("calibrate",))
        return self


def commands(pipeline: Pipeline) -> Iterator[Command]:
    """Write the commands of a pipeline, each as the words after ``cvalues``.

    Parameters
    ----------
    pipeline : Pipeline

    Yields
    ------
    tuple of str
        One command; a step that is not asked for has none.
    """
    folder = Path(pipeline.out)
    store = ("--store", pipeline.store) if pipeline.store else ()
    judged = f"{pipeline.name}-judge"
    if pipeline.generate:
        yield (*_generate(pipeline, pipeline.generate, folder), *store)
    if pipeline.judge:
        responses = pipeline.responses or str(folder / "responses.jsonl")
        yield (*_judge(pipeline.judge, responses, judged), *store)
    if pipeline.mc:
        yield (*_mc(pipeline, pipeline.mc, folder), *store)
    if pipeline.calibrate and pipeline.judge:
        yield (*_calibrate(pipeline.calibrate, judged, folder), *store)
    if pipeline.report and pipeline.judge:
        yield ("report", judged, "--out", str(folder / "report.html"), *store)


def _generate(pipeline: Pipeline, step: Generating, folder: Path) -> Command:
    named = ("--system", step.system) if step.system else ()
    return (
        "generate", step.prompts, "--run", f"{pipeline.name}-generate",
        "--out", str(folder / "responses.jsonl"), "--samples", str(step.samples),
        "--temperature", str(step.temperature), *named, *_endpoint(step),
    )  # fmt: skip


def _judge(step: Judging, responses: str, run: str) -> Command:
    return (
        "judge", responses, "--rubric", ",".join(step.rubrics), "--judge", step.model,
        "--run", run, "--repeats", str(step.repeats), *_endpoint(step)[2:],
    )  # fmt: skip


def _mc(pipeline: Pipeline, step: Choosing, folder: Path) -> Command:
    out = ("--out-json", str(folder / "mc.json"))
    if step.responses:
        return ("mc", step.items, "--responses", step.responses, *out)
    asked = _endpoint(pipeline.generate) if pipeline.generate else ()
    return ("mc", step.items, *asked, "--run", f"{pipeline.name}-mc", *out)


def _calibrate(step: Calibrating, run: str, folder: Path) -> Command:
    out = ("--out-json", str(folder / "calibration.json"))
    return ("calibrate", "--run", run, "--labels", step.labels, "--design", step.design, *out)


def _endpoint(step: Endpoint) -> Command:
    words: list[str] = ["--model", step.model]
    if step.base_url:
        words += ["--base-url", step.base_url]
    if step.api_key_env:
        words += ["--api-key-env", step.api_key_env]
    return tuple(words)
