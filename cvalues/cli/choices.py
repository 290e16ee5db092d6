"""What `cvalues mc` does, step by step: items, answers, a person's readings, the result."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, get_args

from cvalues.datasets.registry import source_file
from cvalues.datasets.starter import choice_pairs
from cvalues.multiple_choice.answers_file import read_answers, read_review
from cvalues.multiple_choice.asking import (
    choice_plan,
    extraction_plan,
    heard,
    provenance_of,
    readings_of,
)
from cvalues.multiple_choice.evaluate import ChoiceAnswer, settled
from cvalues.multiple_choice.items import ChoiceItem, Wording, build_items, read_items
from judge.cli import console, session
from judge.cli.planning import prices_of
from judge.cli.stores import opened
from judge.errors import ConfigError
from judge.exporters.atomic import write_whole
from judge.generate import GeneratingPlan
from judge.models.base import addressed
from judge.records import Candidate, Provenance
from judge.run import Settings, Transport

STARTER: Final = "starter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Answers to all items, and where they come from."""

    answers: tuple[ChoiceAnswer, ...]
    provenance: Provenance
    system: str | None = None
    run: str | None = None
    resume: str | None = None
    """The command that goes on, where calls failed or were not made."""
    interrupted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """How models are asked: what a command line says of it, the same for all of its models."""

    run: str
    address: str
    """Of the store."""
    base_url: str | None
    api_key_env: str | None
    temperature: float
    max_tokens: int
    seed: int | None
    concurrency: int
    max_attempts: int
    timeout: float
    max_calls: int | None
    budget_usd: float | None
    price: str | None
    rpm: float | None
    tpm: float | None
    transport: str
    quiet: bool

    def candidate(self, model: str) -> Candidate:
        """Name a model with its address and settings."""
        return addressed(
            Candidate(
                model=model,
                base_url=self.base_url,
                api_key_env=self.api_key_env,
                temperature=self.temperature,
                max_tokens=self.max_tokens,
                seed=self.seed,
            )
        )

    def conduct(self, plan: GeneratingPlan, *, run: str) -> session.Done:
        """Carry a plan out, or go on with it."""
        settings = Settings(
            concurrency=self.concurrency,
            max_attempts=self.max_attempts,
            deadline=self.timeout,
            max_calls=self.max_calls,
            budget_usd=self.budget_usd,
            requests_per_minute=self.rpm,
            tokens_per_minute=self.tpm,
            transport=console.one_of(self.transport, get_args(Transport), option="--transport"),
            prices=prices_of(self.price, plan.asked, budget_usd=self.budget_usd),
        )
        return session.conduct(plan, settings, name=run, address=self.address, quiet=self.quiet)


def load(name: str, *, wording: str, encoding: str | None) -> tuple[ChoiceItem, ...]:
    """Read items from a file, a fetched data set, or the starter set."""
    style = console.one_of(wording, get_args(Wording), option="--wording")
    if name == STARTER and not Path(name).exists():
        return build_items((pair.reply_pair() for pair in choice_pairs()), wording=style)
    return read_items(source_file(name), encoding=encoding, wording=style)


def write_items(path: Path, items: Sequence[ChoiceItem]) -> None:
    """Write items as records that any tool can answer by adding a response."""
    lines = [json.dumps(item.record(), ensure_ascii=False) + "\n" for item in items]
    write_whole(path, "".join(lines))
    console.note(f"{len(items)} items in {path}; add a response to each and give it to --responses")


def answered(
    items: Sequence[ChoiceItem],
    engine: Engine,
    *,
    name: str,
    responses: Path | None,
    model: str | None,
    system: str | None,
    encoding: str | None,
) -> Answered:
    """Take recorded answers, or ask a model."""
    if responses is not None and model is None:
        answers = read_answers(responses, items, system=system, encoding=encoding)
        return Answered(answers=answers, provenance="RECORDED", system=system)
    if model is not None and responses is None:
        return _asked(items, engine, model=model, name=Path(name).name, system=system or model)
    raise ConfigError(
        "give --responses FILE with recorded answers, or --model MODEL to ask, and not both."
    )


def _asked(
    items: Sequence[ChoiceItem], engine: Engine, *, model: str, name: str, system: str
) -> Answered:
    plan = choice_plan(items, engine.candidate(model), name=name, system=system)
    done = engine.conduct(plan, run=engine.run)
    with opened(engine.address) as store:
        answers = tuple(store.answers(done.run))
    unfinished = done.counts.error > 0 or done.unasked > 0
    return Answered(
        answers=heard(items, answers),
        provenance=provenance_of(answers),
        system=system,
        run=done.run.name,
        resume=console.resume_command(done.run.name) if unfinished else None,
        interrupted=done.interrupted,
    )


def extracted(given: Answered, engine: Engine, *, model: str | None) -> Answered:
    """Have a model read what the parser left, where one is named."""
    if model is None:
        return given
    plan = extraction_plan(given.answers, engine.candidate(model), name=engine.run)
    if plan.source.rows == 0:
        return given
    done = engine.conduct(plan, run=f"{engine.run}-read")
    with opened(engine.address) as store:
        readings = readings_of(store.answers(done.run))
    answers = settled(given.answers, readings, reader="model")
    return replace(given, answers=answers, interrupted=given.interrupted or done.interrupted)


def reviewed(given: Answered, sheet: Path | None) -> Answered:
    """Put a person's readings in the place of the parser's."""
    if sheet is None:
        return given
    return replace(given, answers=settled(given.answers, read_review(sheet, given.answers)))
