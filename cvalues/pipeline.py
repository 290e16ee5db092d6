"""A whole run from one file: generate, judge, multi-choice, calibrate, gap, report.

A pipeline is nothing but the commands that a user would type, in order and with the same run names
each time, so every step resumes by itself and every step can be repeated by hand.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from judge.cli.model_settings import ModelSection
from rubrics.record import Record, problem
from rubrics.rubric import Text

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=60)]
Command = tuple[str, ...]


class Endpoint(Record):
    """A model and where it is reached."""

    model: Text
    base_url: Text | None = None
    api_key_env: Text | None = None
    """Name of the environment variable that holds the key, never the key."""
    concurrency: Annotated[int, Field(ge=1)] | None = None
    """Most calls in flight."""
    max_calls: Annotated[int, Field(ge=0)] | None = None
    budget_usd: Annotated[float, Field(ge=0)] | None = None


class Generating(Endpoint):
    """The model under test and its prompts."""

    prompts: Text
    """A table of prompts, or the name of a fetched data set."""
    mapping: Text | None = None
    """A file that says how the table names what is read."""
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
    wording: Literal["benchmark", "letter"] = "benchmark"


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
    models: Mapping[Text, ModelSection] = Field(default_factory=dict[str, ModelSection])
    """Further settings of each model, such as members of every request."""

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


def commands(pipeline: Pipeline, config: Path | None = None) -> Iterator[Command]:
    """Write the commands of a pipeline, each as the words after ``cvalues``.

    Parameters
    ----------
    pipeline : Pipeline
    config : Path or None
        The pipeline's own file, which commands read the settings of their models from.

    Yields
    ------
    tuple of str
        One command; a step that is not asked for has none.
    """
    folder = Path(pipeline.out)
    store = ("--store", pipeline.store) if pipeline.store else ()
    judged = f"{pipeline.name}-judge"

    def settings(step: Endpoint | None) -> Command:
        named = step is not None and set(step.model.split(",")) & pipeline.models.keys()
        return ("--config", str(config)) if named and config else ()

    if pipeline.generate:
        yield (
            *_generate(pipeline, pipeline.generate, folder),
            *settings(pipeline.generate),
            *store,
        )
    if pipeline.judge:
        responses = pipeline.responses or str(folder / "responses.jsonl")
        yield (*_judge(pipeline.judge, responses, judged), *settings(pipeline.judge), *store)
    if pipeline.mc:
        asked = None if pipeline.mc.responses else pipeline.generate
        yield (*_mc(pipeline, pipeline.mc, folder), *settings(asked), *store)
    if pipeline.calibrate and pipeline.judge:
        yield (*_calibrate(pipeline.calibrate, judged, folder), *store)
    if pipeline.judge and _measure(pipeline):
        yield (*_gap(pipeline, judged, folder), *store)
    elif pipeline.report and pipeline.judge:
        yield ("report", judged, "--out", str(folder / "report.html"), *store)


def _generate(pipeline: Pipeline, step: Generating, folder: Path) -> Command:
    named = ("--system", step.system) if step.system else ()
    mapped = ("--mapping", step.mapping) if step.mapping else ()
    return (
        "generate", step.prompts, "--run", f"{pipeline.name}-generate",
        "--out", str(folder / "responses.jsonl"), "--samples", str(step.samples),
        "--temperature", str(step.temperature), *mapped, *named,
        "--model", step.model, *_limits(step),
    )  # fmt: skip


def _judge(step: Judging, responses: str, run: str) -> Command:
    return (
        "judge", responses, "--rubric", ",".join(step.rubrics), "--judge", step.model,
        "--run", run, "--repeats", str(step.repeats), *_limits(step),
    )  # fmt: skip


def _mc(pipeline: Pipeline, step: Choosing, folder: Path) -> Command:
    out = ("--wording", step.wording, "--out-json", str(folder / "mc.json"))
    if step.responses or not pipeline.generate:
        return ("mc", step.items, "--responses", step.responses or "", *out)
    model = pipeline.generate
    asked = ("--system", _system(model), "--model", model.model, *_limits(model))
    return ("mc", step.items, *asked, "--run", f"{pipeline.name}-mc", *out)


def _calibrate(step: Calibrating, run: str, folder: Path) -> Command:
    out = ("--out-json", str(folder / "calibration.json"))
    return ("calibrate", "--run", run, "--labels", step.labels, "--design", step.design, *out)


def _gap(pipeline: Pipeline, run: str, folder: Path) -> Command:
    """Write the page with what the model under test knows beside what it does."""
    known = f"{_system(pipeline.generate)}={folder / 'mc.json'}" if pipeline.generate else ""
    page = ("--report", str(folder / "report.html")) if pipeline.report else ()
    return ("gap", run, "--mc", known, "--measure", _measure(pipeline) or "", *page)


def _measure(pipeline: Pipeline) -> str | None:
    """Find what counts as doing; None where a model was not both asked and judged."""
    if not (pipeline.generate and pipeline.judge and pipeline.mc) or pipeline.mc.responses:
        return None
    rubrics = pipeline.judge.rubrics
    return next((name for rubric, name in _MEASURES.items() if rubric in rubrics), None)


_MEASURES: Final = {
    "safety": "safety_rate",
    "responsibility": "acceptable_rate",
    "values-grade": "ab_share",
}
"""What counts as doing under a built-in rubric, the first that was judged."""


def _system(step: Generating) -> str:
    return step.system or step.model


def _limits(step: Endpoint) -> Command:
    """Write where a model is asked and how much; commands differ in how they name the model."""
    given = {
        "--base-url": step.base_url,
        "--api-key-env": step.api_key_env,
        "--concurrency": step.concurrency,
        "--max-calls": step.max_calls,
        "--budget-usd": step.budget_usd,
    }
    words = [(name, str(value)) for name, value in given.items() if value is not None]
    return tuple(word for pair in words for word in pair)
