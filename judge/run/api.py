"""Grading from Python: responses in, judgments out, with a store or without one."""

import asyncio
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict, Unpack

from judge.conversation import units
from judge.errors import ConfigError
from judge.grading.judgment_task import Task
from judge.grading.pointwise import edition_of
from judge.manifest import Source
from judge.models import open_model
from judge.models.base import Model, addressed
from judge.models.limits import Budget, Limit, Limits, Price, with_api
from judge.records import Generation, Judge, Judgment, digest
from judge.run.grading_input import Gradable, generations_of
from judge.run.judgments import Judgments
from judge.run.plan import JudgingPlan
from judge.run.run import Settings, begin, carry_out
from judge.run.scheduler import Bench, Made, ask_tasks
from judge.store.records import Write
from rubrics import Rubric

Progress = bool | Callable[[int, int], None]
"""Whether a bar is shown, or a function that is told how many of how many are done."""

RubricLike = str | Path | Rubric


class GradeOptions(TypedDict, total=False):
    """What `grade` and `agrade` take beside rubric and judge."""

    repeats: int
    """Repeats per item; 1 where it is not given."""
    concurrency: int
    """Maximum number of concurrent calls; 32."""
    timeout: float
    """Seconds for one call; 120."""
    budget_usd: float
    """US dollars after which nothing more is asked. Needs a known price."""
    max_calls: int
    """Calls after which nothing more is asked."""
    price: tuple[float, float]
    """US dollars per million tokens: prompt, completion."""
    store: str | Path
    """SQLite file or SQLAlchemy URL. Calls and verdicts are kept there, and the run resumes."""
    run: str
    """Name of the run in the store; else made from the time."""
    cache: bool
    """Take over verdicts of other runs of the store to the very same question; True."""
    progress: Progress
    """A bar on a terminal or in a notebook, or a function of done and planned; False."""
    model: Model | None
    """The way to a single judge; opened and closed by `agrade` where it is not given."""


def grade(
    generations: Gradable,
    *,
    rubric: RubricLike | Sequence[RubricLike],
    judge: str | Judge | Sequence[str | Judge],
    **options: Unpack[GradeOptions],
) -> Judgments:
    """Grade responses with judge models under one or several rubrics.

    Works in scripts and in notebooks, where an event loop runs already. Use `agrade` inside a
    coroutine of your own. Ctrl-C finishes the open calls, then raises KeyboardInterrupt; with a
    store the same call resumes.

    Parameters
    ----------
    generations : path, DataFrame, or iterable of Generation or dict
        With ``id``, ``prompt``, ``response`` and, where known, ``system``, ``sample``, ``group``,
        ``lang``, ``reference``.
    rubric : str, Path, Rubric, or sequence of these
        An id of the library, the path of a YAML file, or a rubric. One of the library is used in
        the language of each item.
    judge : str, Judge, or sequence of these
        A litellm model name, or a judge with its settings.
    **options
        See `judge.run.api.GradeOptions`: `repeats`, `concurrency`, `timeout`, `budget_usd`,
        `max_calls`, `price`, `store`, `run`, `cache`, `progress`, `model`.

    Returns
    -------
    Judgments
        One for each response, judge, rubric and repeat, in that order: a sequence with
        `to_pandas()`, `failures`, `counts` and a table in notebooks. A judgment that could not be
        made has a reason instead of scores; nothing is raised for it.

    Raises
    ------
    RubricError
        If a rubric is unknown or invalid.
    judge.errors.ConfigError
        If a judge cannot be reached as it is described, or a budget cannot be enforced.
    judge.files.TableError
        If a row of the responses cannot be used.
    ValueError
        If `repeats` or `concurrency` is below 1, or two responses are the same item.

    Examples
    --------
    >>> from judge import grade
    >>> from judge.simulated.server import simulated_server
    >>> with simulated_server() as server:
    ...     made = grade(
    ...         [{"id": "p1", "prompt": "How do I stay safe online?", "response": "Use MFA."}],
    ...         rubric="safety",
    ...         judge=Judge(model="openai/simulated-judge-1", base_url=server.base_url),
    ...     )
    >>> made
    Judgments(SIMULATED: 1 planned = 1 scored + 0 unscored + 0 error + 0 skipped)
    """
    work = _Grading(_planned(generations, rubric, judge, options=options), options)
    if not _in_a_loop():
        return asyncio.run(work.ask())
    return _in_a_thread(work)


async def agrade(
    generations: Gradable,
    *,
    rubric: RubricLike | Sequence[RubricLike],
    judge: str | Judge | Sequence[str | Judge],
    **options: Unpack[GradeOptions],
) -> Judgments:
    """Grade responses inside a coroutine; see `grade` for parameters, result and errors."""
    plan = _planned(generations, rubric, judge, options=options)
    return await _Grading(plan, options).ask()


def _planned(
    generations: Gradable,
    rubric: RubricLike | Sequence[RubricLike],
    judge: str | Judge | Sequence[str | Judge],
    *,
    options: GradeOptions,
) -> JudgingPlan:
    for name in ("repeats", "concurrency"):
        count = options.get(name, 1)
        if count < 1:
            raise ValueError(f"{name} must be 1 or more; got {count}.")
    listed = generations_of(generations)
    editions = tuple(edition_of(each) for each in _rubrics(rubric))
    judged = [edition("en") for edition in editions]
    return JudgingPlan(
        source=_source(generations, listed),
        read=lambda: units(listed, judged),
        editions=editions,
        judges=tuple(map(_judge, _several(judge))),
        repeats=options.get("repeats", 1),
    )


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _in_a_thread(work: "_Grading") -> Judgments:
    """Run in a loop of its own, because the caller's cannot be entered twice."""
    found: Future[Judgments] = Future()

    def run() -> None:
        try:
            found.set_result(asyncio.run(work.ask()))
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is awaited
            found.set_exception(error)

    thread = threading.Thread(target=run, name="cvalues-grade")
    thread.start()
    try:
        return found.result()
    except KeyboardInterrupt:
        work.stop()
        thread.join()
        raise


class _Grading:
    """One call of `grade`, asked once."""

    def __init__(self, plan: JudgingPlan, options: GradeOptions) -> None:
        self._plan = plan
        self._options = options
        self._settings = _settings(options, plan.judges)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    def stop(self) -> None:
        """Finish the open calls and begin no more; from any thread."""
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)

    async def ask(self) -> Judgments:
        tasks = list(self._plan.tasks())
        _refuse_twins(tasks)
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        with _shown(self._options.get("progress", False), len(tasks)) as seen:
            kept = _InStore if self._options.get("store") else _InMemory
            work = kept(self._plan, self._settings, self._options, tasks)
            made, limit = await work.ask(self._models(), self._stop, seen)
        unasked = "error.budget" if limit else "skipped.user_stop"
        return Judgments(
            (made.get(task.slot) or task.concluded((), unasked, nonce="") for task in tasks),
            limit=limit,
        )

    def _models(self) -> dict[str, Model]:
        given = self._options.get("model")
        if given is not None:
            return {judge.name: given for judge in self._plan.judges}
        return _opened(self._plan.judges, self._settings)


Kept = Mapping[tuple[str, ...], Judgment]
Seen = Callable[[Made], None]


@dataclass(frozen=True)
class _InMemory:
    """Asks without a store: nothing is kept but what is returned."""

    plan: JudgingPlan
    settings: Settings
    options: GradeOptions
    tasks: Sequence[Task]

    async def ask(
        self, models: Mapping[str, Model], stop: asyncio.Event, seen: Seen
    ) -> tuple[Kept, str | None]:
        made: dict[tuple[str, ...], Judgment] = {}

        async def keep(*writes: Write) -> None:
            for write in writes:
                if isinstance(write, Judgment):
                    made[write.slot] = write

        async with AsyncExitStack() as stack:
            if self.options.get("model") is None:
                for model in models.values():
                    stack.push_async_callback(model.close)
            bench = Bench(
                models=models,
                keep=keep,
                budget=Budget(max_calls=self.settings.max_calls, max_usd=self.settings.budget_usd),
                limits=Limits(Limit(concurrency=self.settings.concurrency)),
                prices=self.settings.prices,
                deadline=self.settings.deadline,
                seen=seen,
            )
            workers = self.settings.concurrency
            await ask_tasks(iter(self.tasks), bench, workers=workers, stop=stop)
            return made, bench.budget.exceeded


@dataclass(frozen=True)
class _InStore:
    """Asks with a store: every call is kept before it is made, and the run resumes."""

    plan: JudgingPlan
    settings: Settings
    options: GradeOptions
    tasks: Sequence[Task]

    async def ask(
        self, models: Mapping[str, Model], stop: asyncio.Event, seen: Seen
    ) -> tuple[Kept, str | None]:
        from judge.store.store import open_store

        name = self.options.get("run") or datetime.now(UTC).strftime("grade-%Y%m%d-%H%M%S")
        with ExitStack() as stack:
            store = open_store(str(self.options.get("store")))
            stack.callback(store.close)
            run, _ = begin(store, name, self.plan)
            limit = await carry_out(
                store,
                run,
                tasks=iter(self.tasks),
                models=models,
                settings=self.settings,
                stop=stop,
                seen=seen,
            )
            return {each.slot: each for each in store.judgments(run)}, limit


def _several(judge: str | Judge | Sequence[str | Judge]) -> Sequence[str | Judge]:
    return [judge] if isinstance(judge, (str, Judge)) else judge


def _judge(judge: str | Judge) -> Judge:
    return with_api(addressed(Judge(model=judge))) if isinstance(judge, str) else addressed(judge)


def _rubrics(rubric: RubricLike | Sequence[RubricLike]) -> Sequence[RubricLike]:
    if isinstance(rubric, str) and "," in rubric:
        return [part.strip() for part in rubric.split(",")]
    return [rubric] if isinstance(rubric, (str, Path, Rubric)) else rubric


def _source(given: Gradable, listed: Sequence[Generation]) -> Source:
    name = Path(given).name if isinstance(given, (str, Path)) else "python"
    texts = [each.model_dump(mode="json") for each in listed]
    return Source(name=name, sha256=digest(texts), rows=len(listed))


def _settings(options: GradeOptions, judges: Iterable[Judge]) -> Settings:
    settings = Settings(
        concurrency=options.get("concurrency", 32),
        deadline=options.get("timeout", 120.0),
        max_calls=options.get("max_calls"),
        budget_usd=options.get("budget_usd"),
        recall=options.get("cache", True),
    )
    if "price" not in options:
        return settings
    prompt, completion = options["price"]
    price = Price(prompt=prompt / 1e6, completion=completion / 1e6)
    return replace(settings, prices={judge.name: price for judge in judges})


def _opened(judges: Iterable[Judge], settings: Settings) -> dict[str, Model]:
    models: dict[str, Model] = {}
    for judge in judges:
        opened = open_model(judge)
        if settings.budget_usd is not None and not (opened.priced or judge.name in settings.prices):
            raise ConfigError(
                f"budget_usd cannot be enforced: the price of {judge.name} is unknown; give "
                "price=(prompt, completion) in dollars per million tokens, or use max_calls."
            )
        models[judge.name] = opened.model
    return models


@contextmanager
def _shown(progress: Progress, planned: int) -> Generator[Seen]:
    """Show progress, or tell it to the caller's function."""
    if progress is False:
        yield lambda _: None
        return
    done = 0
    with ExitStack() as stack:
        tell = stack.enter_context(_bar(planned)) if progress is True else progress

        def seen(_: Made) -> None:
            nonlocal done
            done += 1
            tell(done, planned)

        yield seen


@contextmanager
def _bar(planned: int) -> Generator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(file=sys.stderr)) as bar:
        line = bar.add_task("judging", total=planned)

        def tell(done: int, _: int) -> None:
            bar.update(line, completed=done)

        yield tell


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
