"""The settings of a model from the command line and from the ``models:`` section of a file.

The file says what no one can learn from a refusal, model by model::

    models:
      openai/qwen3-32b:
        base_url: http://localhost:8000/v1
        extra_body: {chat_template_kwargs: {enable_thinking: false}}
        omit: [temperature]

What the command line gives wins over the file; members of ``--extra-body`` are added to the file's.
The kind of model, and the second judge of a cascade, are named on the command line alone.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

import typer
from pydantic import ConfigDict, Field

from judge.cli import console
from judge.cli.console import parts
from judge.errors import ConfigError
from judge.models.base import addressed, refuse_secrets
from judge.models.limits import with_api
from judge.records import Escalation, Judge, ModelSettings, Record, model_digest
from rubrics.load import load_as

RESERVED = ("messages", "model", "stream", "n")
"""Members of a request that nobody may change: a verdict would be of another question."""


class ModelSection(Record):
    """What the file may say of one model."""

    base_url: str | None = None
    api_key_env: str | None = None
    temperature: Annotated[float, Field(ge=0.0, le=2.0)] | None = None
    max_tokens: Annotated[int, Field(ge=16)] | None = None
    seed: int | None = None
    extra_body: Mapping[str, Any] | None = None
    omit: tuple[str, ...] = ()


class RunConfig(Record):
    """The section of the file; others, of `cvalues run`, are that command's."""

    model_config = ConfigDict(extra="ignore")

    models: Mapping[str, ModelSection]


class ModelWords(Record):
    """What a command line says of its models beside their common settings."""

    extra_body: Mapping[str, Any] | None = None
    omit: tuple[str, ...] = ()
    sections: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict[str, Mapping[str, Any]])
    """By model, what the file says of it."""
    given: frozenset[str] = frozenset()
    """Names of the settings that stand on the command line."""


def model_words(
    context: typer.Context,
    extra_body: str | None,
    omit: Sequence[str] | None,
    config: Path | None,
) -> ModelWords:
    """Read ``--extra-body``, ``--omit`` and ``--config``.

    Raises
    ------
    ConfigError
        If the first is no JSON object, or one of them names what a request must hold.
    RubricError
        If the file is not what it should be.
    """
    sections: dict[str, Mapping[str, Any]] = {}
    if config is not None:
        for model, section in load_as(RunConfig, config).models.items():
            found = section.model_dump(exclude_unset=True)
            _refuse_reserved(found.get("extra_body") or {}, found.get("omit", ()), where=config)
            sections[model] = found
    added = _object(extra_body) if extra_body else None
    left_out = tuple(name for words in omit or () for name in parts(words))
    _refuse_reserved(added or {}, left_out, where="--extra-body, --omit")
    return ModelWords(extra_body=added, omit=left_out, sections=sections, given=_given(context))


Settings = TypeVar("Settings", bound=ModelSettings)


def with_words(settings: Settings, words: ModelWords) -> Settings:
    """Give a model what the command line and the file say of it, and its usual address."""
    section = dict(words.sections.get(settings.model, {}))
    changes = {
        name: value
        for name, value in section.items()
        if name not in words.given and name not in {"extra_body", "omit"}
    }
    body: dict[str, Any] = {**(section.get("extra_body") or {}), **(words.extra_body or {})}
    omit = tuple(dict.fromkeys((*section.get("omit", ()), *words.omit)))
    # Validated: a file may hold a temperature of 9.
    whole: dict[str, Any] = {**settings.model_dump(), **changes}
    whole |= {"extra_body": body or None, "omit": omit}
    checked = type(settings).model_validate(whole, strict=False)
    refuse_secrets(checked)
    return addressed(checked)


def refuse_unused(words: ModelWords, models: Sequence[str]) -> None:
    """Refuse a file that speaks of no model of the command line: a name may be misspelt.

    Raises
    ------
    ConfigError
        Naming what the file has and what is asked.
    """
    if words.sections and not words.sections.keys() & set(models):
        raise ConfigError(
            f"--config has settings for {', '.join(words.sections)}, and the command asks "
            f"{', '.join(models)}; write the models alike."
        )


def _given(context: typer.Context) -> frozenset[str]:
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return frozenset(
        name for name, source in sources.items() if source and source.name == "COMMANDLINE"
    )


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ConfigError(
            "--extra-body is no JSON object; write it as '{\"enable_thinking\": false}'."
        )
    return cast("dict[str, Any]", value)


def _refuse_reserved(body: Mapping[str, Any], omit: Sequence[str], *, where: Path | str) -> None:
    found = next((name for name in RESERVED if name in body or name in omit), None)
    if found is not None:
        raise ConfigError(
            f"{where}: {found!r} belongs to every request and cannot be changed; take it out."
        )


# The kind of model that a judge is, and the second judge of a cascade, from a command line.

NO_CERTAINTY = 2.0
"""A cut that no certainty reaches."""


@dataclass(frozen=True, kw_only=True)
class CascadeWords:
    """What a command line says of a cascade."""

    escalate: str | None
    risk: float | None
    cuts: Path | None
    base_url: str | None
    api: str
    models: ModelWords


def cascades_of(judges: tuple[Judge, ...], words: CascadeWords) -> tuple[Judge, ...]:
    """Put the second judge behind each judge.

    Raises
    ------
    ConfigError
        If the options do not go together, a first judge gives no probabilities, or the file of
        cuts is another judge's.
    """
    if words.escalate is None:
        if words.risk is not None or words.cuts is not None:
            raise ConfigError(
                "--risk and --cuts belong to a cascade; name its second judge with --escalate."
            )
        return judges
    if words.risk is None or not 0.0 < words.risk < 1.0:
        raise ConfigError("--escalate needs --risk, the share of errors allowed: --risk 0.05.")
    for judge in judges:
        if judge.api == "chat":
            raise ConfigError(
                f"--escalate needs a first judge that gives probabilities; {judge.name} is asked "
                "for text. Use a decision model, --api decisions or --api logprobs."
            )
    return tuple(_cascade(judge, words, words.risk) for judge in judges)


def _cascade(judge: Judge, words: CascadeWords, risk: float) -> Judge:
    second = judge.model_copy(
        update={
            "model": words.escalate,
            "base_url": words.base_url or judge.base_url,
            "api": "chat",
        }
    )
    second = with_api(with_words(second, words.models), words.api)  # pyright: ignore[reportArgumentType] - checked there
    if second.model == judge.model and second.base_url == judge.base_url:
        raise ConfigError("--escalate names the judge itself; name a better one.")
    escalation = (
        _stated(second, risk) if words.cuts is None else _proven(judge, second, risk, words.cuts)
    )
    return judge.model_copy(update={"escalation": escalation})


def _stated(second: Judge, risk: float) -> Escalation:
    console.note(
        f"cascade: {second.name} is asked where the first judge's own probability is under "
        f"{1.0 - risk:g}; this is not proven until `cvalues triage --escalate` or a calibration"
    )
    return Escalation(judge=second, cut=1.0 - risk, risk=risk)


def _proven(judge: Judge, second: Judge, risk: float, path: Path) -> Escalation:
    """Read the cuts that `cvalues triage --out` wrote."""
    try:
        written = cast("dict[str, object]", json.loads(path.read_text(encoding="utf-8")))
        digest, proven_risk = written["judge_digest"], float(cast("float", written["risk"]))
        found = cast("dict[str, dict[str, float]]", written["cuts"])
        cuts = {name: float(cut["cut"]) for name, cut in found.items()}
        criterion = str(written["criterion"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path.name}: not a file of cuts ({type(error).__name__}); write one with "
            "cvalues triage RUN --risk R --out FILE."
        ) from None
    if digest != model_digest(judge):
        raise ConfigError(f"{path.name}: its cuts were proven for another judge than {judge.name}.")
    if proven_risk > risk:
        raise ConfigError(f"{path.name}: proven for a risk of {proven_risk:g}, more than {risk:g}.")
    everyone = cuts.pop("all", NO_CERTAINTY)
    return Escalation(judge=second, cut=everyone, cuts=cuts, criterion=criterion, risk=risk)
