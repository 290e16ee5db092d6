"""From the words of a command line to what `judge.run` works with."""

import hashlib
from pathlib import Path
from typing import TypedDict, Unpack, get_args

from judge.budget import Price
from judge.cli.options import parts
from judge.config import Source
from judge.errors import ConfigError
from judge.generate import GeneratingPlan
from judge.importers.prompts import read_items
from judge.importers.responses import read_generations
from judge.judging import JudgingPlan
from judge.pointwise import Edition
from judge.records import Candidate, Judge, Language, ModelSettings
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
    return tuple(Judge(model=model, **shared) for model in parts(models))


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


def edition(ref: str, forced: str | None) -> Edition:
    """Choose a rubric's edition by an item's language, unless one is forced for all."""
    loaded = {lang: load_rubric(ref, language=forced or lang) for lang in get_args(Language)}
    return lambda lang: loaded[lang]


def generating_plan(
    path: Path,
    candidate: Candidate,
    *,
    system: str,
    system_prompt: Path | None,
    samples: int,
    encoding: str | None,
) -> GeneratingPlan:
    """Say which prompts are put to a model under test, after the file was found readable."""
    rows = sum(1 for _ in read_items(path, encoding=encoding))
    return GeneratingPlan(
        source=Source(name=path.name, sha256=_sha256(path), rows=rows),
        read=lambda: read_items(path, encoding=encoding),
        candidate=candidate,
        system=system,
        system_prompt=system_prompt.read_text(encoding="utf-8") if system_prompt else None,
        samples=samples,
    )


def prices_of(words: str | None, models: tuple[ModelSettings, ...]) -> dict[str, Price]:
    """Read what a command line says of prices, the same for all its models."""
    return {model.name: _price(words) for model in models} if words else {}


def _price(words: str) -> Price:
    try:
        prompt, completion = (float(part) / 1e6 for part in words.split(","))
    except ValueError:
        raise ConfigError(f"--price {words!r} is not two numbers; write 0.40,1.20.") from None
    return Price(prompt=prompt, completion=completion)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
