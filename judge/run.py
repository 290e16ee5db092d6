"""A run: planned, made or resumed, carried out within its budget, and counted."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from typing import Literal

from judge import pairwise, pointwise
from judge.budget import Budget, Price
from judge.config import Manifest, RubricEdition, Source, difference
from judge.errors import RunMismatch
from judge.grading import Form, Task
from judge.keys import judge_digest
from judge.models.base import Model
from judge.models.limits import Limit, Limits
from judge.models.retry import RetryPolicy
from judge.pointwise import Edition, Forms
from judge.records import Counts, Generation, Judge, Judgment, Language
from judge.stage import Bench, grade_tasks
from judge.store.base import Run
from judge.store.sql import Store
from judge.store.writer import Writer
from judge.summary import count_outcomes
from rubrics.rubric import Rubric

Transport = Literal["auto", "litellm", "direct"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a run is carried out; nothing here changes what its scores mean."""

    concurrency: int = 32
    max_attempts: int = 4
    deadline: float = 120.0
    """Seconds for one call."""
    max_calls: int | None = None
    budget_usd: float | None = None
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    transport: Transport = "auto"
    prices: Mapping[str, Price] = field(default_factory=dict[str, Price])


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be judged, by what and by whom."""

    source: Source
    read: Callable[[], Iterator[Generation]]
    """Gives the generations anew with each call, so that they need not be held."""
    editions: tuple[Edition, ...]
    """One for each rubric."""
    judges: tuple[Judge, ...]
    repeats: int = 1
    pairwise: bool = False

    def tasks(self) -> Iterator[Task]:
        """Plan every judgment, streaming where the grading allows it."""
        if self.pairwise:
            return pairwise.tasks(self.read(), self.editions, self.judges, repeats=self.repeats)
        forms = Forms(self.editions, self.judges)
        return pointwise.tasks(self.read(), forms, repeats=self.repeats)


def manifest(order: Order) -> Manifest:
    """Say what a run is made of, before anything is asked.

    All generations are read once, so a bad file is refused before anything is written.

    Parameters
    ----------
    order : Order

    Returns
    -------
    Manifest
        With the number of judgments that are planned.
    """
    editions: dict[tuple[str, str], Form] = {}
    prompts: dict[str, str] = {}
    planned = 0
    for task in order.tasks():
        planned += 1
        form = task.form
        place = f"{form.rubric}/{form.language}/{task.generation.group or ''}"
        if place not in prompts:
            prompts[place] = form.prompt_digest
            editions[form.rubric, form.language] = form
    return Manifest(
        kind="pairwise" if order.pairwise else "judge",
        source=order.source,
        rubrics=tuple(
            RubricEdition(
                rubric=rubric, language=language, digest=form.rubric_hash, criteria=form.criteria
            )
            for (rubric, language), form in sorted(editions.items())
        ),
        judges=order.judges,
        judge_digests={judge.name: judge_digest(judge) for judge in order.judges},
        prompts=prompts,
        repeats=order.repeats,
        planned=planned,
    )


def begin(store: Store, name: str, order: Order) -> tuple[Run, bool]:
    """Make a run, or find the one of that name if nothing that matters has changed.

    Returns
    -------
    Run
    bool
        True when the run was there already.

    Raises
    ------
    RunMismatch
        If a run of that name was made with something else; the message says what.
    """
    wanted = manifest(order)
    run = store.find_run(name)
    if run is None:
        return store.create_run(
            name, wanted, order.read(), documents=_documents(order, wanted)
        ), False
    changes = difference(run.manifest, wanted)
    if changes:
        raise RunMismatch(
            f"run {name!r} was made with something else ({'; '.join(changes)}); "
            "give the new one another name with --run."
        )
    return run, True


def _documents(order: Order, wanted: Manifest) -> dict[str, str]:
    """Keep the rubrics themselves beside the run: a user's file may change or go."""
    asked = {(edition.rubric, edition.language) for edition in wanted.rubrics}
    languages: tuple[Language, ...] = ("zh", "en")
    rubrics = [edition(language) for edition in order.editions for language in languages]
    return {
        f"rubric/{rubric.id}/{rubric.language}": rubric.model_dump_json()
        for rubric in rubrics
        if (rubric.id, rubric.language) in asked
    }


def kept_rubrics(store: Store, run: Run) -> dict[tuple[str, str], Rubric]:
    """Read the rubrics of a run, by id and language."""
    found: dict[tuple[str, str], Rubric] = {}
    for edition in run.manifest.rubrics:
        body = store.latest_document(run, f"rubric/{edition.rubric}/{edition.language}")
        if body is not None:
            found[edition.rubric, edition.language] = Rubric.model_validate_json(body)
    return found


async def carry_out(
    store: Store,
    run: Run,
    *,
    tasks: Iterator[Task],
    models: Mapping[str, Model],
    settings: Settings,
    stop: asyncio.Event,
    seen: Callable[[Judgment], None],
) -> None:
    """Grade what a run still lacks.

    Parameters
    ----------
    store : Store
    run : Run
    tasks : iterator of Task
        All of the run's tasks; those that are settled are passed over.
    models : mapping of str to Model
        By judge name; closed at the end.
    settings : Settings
    stop : asyncio.Event
        Set to finish what is in flight and begin nothing more.
    seen : callable
        Told of each judgment that was kept.

    Raises
    ------
    StoreError
        If another process writes the run, or the database fails.
    """
    with store.writer(run):
        settled = {_slot_digest(slot) for slot in store.settled(run)}
        open_tasks = (task for task in tasks if _slot_digest(task.slot) not in settled)
        calls, usd = store.spent(run)
        async with AsyncExitStack() as stack:
            for model in models.values():
                stack.push_async_callback(model.close)
            writer = await stack.enter_async_context(Writer(partial(store.write, run)))
            bench = Bench(
                models=models,
                keep=writer.put,
                budget=Budget(
                    max_calls=settings.max_calls,
                    max_usd=settings.budget_usd,
                    calls=calls,
                    usd=usd,
                ),
                limits=_limits(settings),
                policy=RetryPolicy(max_attempts=settings.max_attempts),
                prices=settings.prices,
                deadline=settings.deadline,
                first_serial=store.last_serial(run) + 1,
                seen=seen,
            )
            await grade_tasks(open_tasks, bench, workers=settings.concurrency, stop=stop)


def counts(store: Store, run: Run) -> Counts:
    """Count what became of what a run planned.

    What was never asked, because somebody stopped the run or its budget was spent, counts as
    skipped: planned = scored + unscored + error + skipped at every moment.
    """
    return count_outcomes(store.outcomes(run), planned=run.manifest.planned)


def _limits(settings: Settings) -> Limits:
    return Limits(
        Limit(
            concurrency=settings.concurrency,
            start=min(settings.concurrency, Limit().start),
            requests_per_minute=settings.requests_per_minute,
            tokens_per_minute=settings.tokens_per_minute,
        )
    )


def _slot_digest(slot: tuple[str, ...]) -> bytes:
    """Shorten a slot: a run of a million judgments holds all of them in memory when resumed."""
    return blake2b("\x00".join(slot).encode(), digest_size=16).digest()
