"""From the words of a command line to what `judge.run` works with."""

import hashlib
import math
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict, Unpack, get_args

from calibration.passport import load_passport
from judge.cli import console
from judge.cli.options import parts
from judge.config import OnRefusal, Source
from judge.errors import ConfigError, NotTrusted
from judge.importers.responses import read_generations
from judge.judging import JudgingPlan
from judge.models.base import addressed
from judge.models.budget import Price
from judge.pointwise import Edition
from judge.records import Judge, Language, ModelSettings
from judge.trust.identity import distrust
from rubrics import load_rubric


class JudgeWords(TypedDict):
    """What all judges of a command line share."""

    base_url: str | None
    api_key_env: str | None
    temperature: float
    max_tokens: int
    seed: int | None


def judges_of(models: str, **shared: Unpack[JudgeWords]) -> tuple[Judge, ...]:
    """Make the judges that a list of models names."""
    return tuple(addressed(Judge(model=model, **shared)) for model in parts(models))


class PlanWords(TypedDict):
    """How a file is to be judged."""

    lang: str | None
    encoding: str | None
    repeats: int
    pairwise: bool


def plan_of(
    path: Path, rubrics: str, judges: tuple[Judge, ...], **words: Unpack[PlanWords]
) -> JudgingPlan:
    """Say what is to be judged, after the whole file has been found readable."""
    forced = words["lang"]
    if forced is not None and forced not in get_args(Language):
        raise ConfigError(f"--lang {forced!r} is not known; use zh or en.")
    encoding = words["encoding"]
    rows = sum(1 for _ in read_generations(path, encoding=encoding))
    return JudgingPlan(
        source=Source(name=path.name, sha256=_sha256(path), rows=rows),
        read=lambda: read_generations(path, encoding=encoding),
        editions=tuple(edition(ref, forced) for ref in parts(rubrics)),
        judges=judges,
        repeats=words["repeats"],
        pairwise=words["pairwise"],
    )


def with_ladder(
    plan: JudgingPlan, *, neutral: bool, seconds: tuple[Judge, ...], passport: Path | None
) -> JudgingPlan:
    """Add what is tried when a judge declines.

    Raises
    ------
    ConfigError
        If it does not fit the plan.
    NotTrusted
        If the passport does not speak for the second judge under the plan's rubrics.
    """
    if not neutral and not seconds:
        return plan
    if plan.pairwise:
        raise ConfigError("--neutral-frame and --second-judge do not go with --pairwise.")
    if len(seconds) > 1 or {judge.name for judge in seconds} & {j.name for j in plan.judges}:
        raise ConfigError("--second-judge names one judge that is not among those of --judge.")
    for second in seconds:
        if passport is None:
            raise ConfigError("--second-judge needs --second-passport: see cvalues calibrate.")
        _refuse_unless_calibrated(replace(plan, judges=(second,)), passport)
    return replace(plan, on_refusal=OnRefusal(neutral=neutral, second=next(iter(seconds), None)))


def _refuse_unless_calibrated(plan: JudgingPlan, passport: Path) -> None:
    manifest = plan.manifest()
    reasons = distrust(
        load_passport(passport),
        manifest,
        criteria=[edition.criteria[0] for edition in manifest.rubrics],
        today=datetime.now(UTC).date(),
        # Its verdicts say themselves that they are simulated.
        allow_simulated=True,
    )
    if reasons:
        raise NotTrusted(f"--second-judge {plan.judges[0].name}: {reasons[0]}")


def edition(ref: str, forced: str | None) -> Edition:
    """Choose a rubric's edition by an item's language, unless one is forced for all."""
    loaded = {lang: load_rubric(ref, language=forced or lang) for lang in get_args(Language)}
    return lambda lang: loaded[lang]


def prices_of(
    words: str | None, models: tuple[ModelSettings, ...], *, budget_usd: float | None
) -> dict[str, Price]:
    """Read what a command line says of prices, the same for all its models.

    Where it says nothing and a budget has to be held, a server with an address of its own is
    taken to ask what the list has for its model's name.
    """
    if words:
        return {model.name: _price(words) for model in models}
    elsewhere = [model for model in models if model.base_url is not None]
    if budget_usd is None or not elsewhere:
        return {}
    from judge.models.litellm import list_price

    listed = {model.name: list_price(model.model) for model in elsewhere}
    prices = {name: price for name, price in listed.items() if price is not None}
    for name, price in prices.items():
        console.note(
            f"{name}: taken to cost its list price, {price.prompt * 1e6:g} and "
            f"{price.completion * 1e6:g} dollars a million tokens; --price says otherwise"
        )
    return prices


def _price(words: str) -> Price:
    try:
        prompt, completion = (float(part) / 1e6 for part in words.split(","))
    except ValueError:
        prompt = completion = math.nan
    if not (0 <= prompt < math.inf and 0 <= completion < math.inf):
        raise ConfigError(f"--price {words!r} is not two prices; write 0.40,1.20.")
    return Price(prompt=prompt, completion=completion)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
