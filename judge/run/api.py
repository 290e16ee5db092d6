"""Grading from Python, without a store: generations in, judgments out."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from judge.conversation import units
from judge.grading import pointwise
from judge.grading.judgment_task import Task
from judge.grading.pointwise import Forms, edition_of
from judge.models import open_model
from judge.models.base import Model, addressed
from judge.models.budget import Budget
from judge.models.limits import Limit, Limits
from judge.models.price_list import with_api
from judge.records import Generation, Judge, Judgment
from judge.run.scheduler import Bench, ask_tasks
from judge.store.records import Write
from rubrics import Rubric


def grade(
    generations: Iterable[Generation],
    *,
    rubric: str | Path | Rubric,
    judge: str | Judge,
    repeats: int = 1,
    concurrency: int = 32,
) -> list[Judgment]:
    """Grade generations; see `agrade`, whose twin for programs without an event loop this is.

    Raises
    ------
    RuntimeError
        If an event loop runs already, as in a notebook.
    """
    if _in_a_loop():
        raise RuntimeError("an event loop runs already, as in a notebook: use `await agrade(...)`.")
    return asyncio.run(
        agrade(generations, rubric=rubric, judge=judge, repeats=repeats, concurrency=concurrency)
    )


async def agrade(
    generations: Iterable[Generation],
    *,
    rubric: str | Path | Rubric,
    judge: str | Judge,
    repeats: int = 1,
    concurrency: int = 32,
    model: Model | None = None,
) -> list[Judgment]:
    """Grade generations with one judge under one rubric.

    Parameters
    ----------
    generations : iterable of Generation
    rubric : str, Path or Rubric
        An id of the library, the path of a YAML file, or a rubric. One of the library is used in
        the language of each item.
    judge : str or Judge
        A litellm model string, or a judge with its settings.
    repeats : int
        How often each question is put, 1 or more.
    concurrency : int
        Most calls in flight.
    model : Model, optional
        The way to the judge; opened and closed here when it is not given.

    Returns
    -------
    list of Judgment
        One for each generation and repeat, in that order. A judgment that could not be made has a
        reason instead of scores; nothing is raised for it.

    Raises
    ------
    RubricError
        If the rubric is unknown or invalid.
    judge.errors.ConfigError
        If the judge cannot be reached as it is described.
    ValueError
        If `repeats` or `concurrency` is below 1, or two generations are the same item.
    """
    for name, count in (("repeats", repeats), ("concurrency", concurrency)):
        if count < 1:
            raise ValueError(f"{name} must be 1 or more; got {count}.")
    asked = with_api(addressed(Judge(model=judge))) if isinstance(judge, str) else addressed(judge)
    edition = edition_of(rubric)
    judged = units(generations, [edition("en")])
    tasks = list(pointwise.tasks(judged, Forms([edition], [asked]), repeats=repeats))
    _refuse_twins(tasks)
    made: dict[tuple[str, ...], Judgment] = {}

    async def keep(*writes: Write) -> None:
        for write in writes:
            if isinstance(write, Judgment):
                made[_slot(write)] = write

    async with AsyncExitStack() as stack:
        if model is None:
            model = open_model(asked).model
            stack.push_async_callback(model.close)
        bench = Bench(
            models={asked.name: model},
            keep=keep,
            budget=Budget(),
            limits=Limits(Limit(concurrency=concurrency)),
        )
        await ask_tasks(iter(tasks), bench, workers=concurrency, stop=asyncio.Event())
    return [made[task.slot] for task in tasks]


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _refuse_twins(tasks: Sequence[Task]) -> None:
    """Refuse what could not be told apart: one judgment would stand for several texts."""
    seen: set[tuple[str, ...]] = set()
    for task in tasks:
        if task.slot in seen:
            twin = task.generation
            raise ValueError(
                f"generations: {twin.id!r} of system {twin.system!r}, sample {twin.sample}, stands "
                "twice; give each response an id, system or sample of its own."
            )
        seen.add(task.slot)


def _slot(judgment: Judgment) -> tuple[str, ...]:
    return (
        judgment.id,
        judgment.system,
        str(judgment.sample),
        judgment.judge,
        judgment.rubric,
        str(judgment.repeat),
        judgment.order,
    )
