"""The kind of model that a judge is, and the second judge of a cascade, from a command line."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from judge.cli import console
from judge.cli.model_settings import ModelWords, with_words
from judge.errors import ConfigError
from judge.models.budget import with_api
from judge.records import Escalation, Judge, model_digest

NEVER = 2.0
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
    everyone = cuts.pop("all", NEVER)
    return Escalation(judge=second, cut=everyone, cuts=cuts, criterion=criterion, risk=risk)
