"""A run: made or resumed, carried out within its budget, and counted."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from pydantic import Field, TypeAdapter

from judge.errors import ConfigError, RunMismatch
from judge.events import happened
from judge.grading.aggregation import settled, with_panel
from judge.grading.judgment_task import Task as JudgingTask
from judge.manifest import Manifest, difference
from judge.models.base import Learnt, Model
from judge.models.limits import Budget, Limit, Limits, Price
from judge.models.retry import RetryPolicy
from judge.records import Counts, Judgment, ModelSettings, Provenance, Record, replaced, worst
from judge.run.scheduler import Bench, Made, Task, ask_tasks
from judge.store.records import Run
from judge.store.writer import Writer

if TYPE_CHECKING:
    from judge.store.store import Store

# What a run found, counted: by rubric, criterion, judge, system and group.
#
# Scores here are the judge's own. They are not corrected for the judge's errors, so whatever
# shows them says "judge only".


class Cell(Record):
    """One criterion of one rubric, judge and system, over all groups or in one of them."""

    rubric: str
    criterion: str
    judge: str
    system: str
    group: str | None
    """None for all groups together."""
    lang: str | None = None
    """Language of the items, where only those of one language are counted."""
    counts: Counts
    levels: Mapping[int, int] = Field(default_factory=dict[int, int])
    """How many verdicts gave each score."""
    reasons: Mapping[str, int] = Field(default_factory=dict[str, int])
    """How many verdicts are missing for each reason."""
    provenance: Provenance
    """The least live of its judgments."""

    @property
    def mean(self) -> float | None:
        """Mean score in the unit of the scale; None when nothing was scored."""
        total = sum(self.levels.values())
        weighted = sum(score * count for score, count in self.levels.items())
        return weighted / total if total else None


_Place = tuple[str, str, str, str, str | None]


def concluded(judgments: Iterable[Judgment], manifest: Manifest) -> Iterator[Judgment]:
    """Give what a summary counts: the panel's judgments, too, and each pair once for both orders.

    Parameters
    ----------
    judgments : iterable of Judgment
        Those of one unit next to each other, as a store gives them.
    manifest : Manifest
        Of their run.
    """
    heard = with_panel(judgments, len(manifest.judges))
    return settled(heard) if manifest.kind == "pairwise" else heard


def summarise(judgments: Iterable[Judgment]) -> tuple[Cell, ...]:
    """Count a run's verdicts, for all groups together and for each of them.

    Parameters
    ----------
    judgments : iterable of Judgment
        Streamed; only counts are held.

    Returns
    -------
    tuple of Cell
        In order of rubric, criterion, judge, system; the whole before its groups.
    """
    tallies = defaultdict[_Place, Counter[int | str]](Counter)
    stamps = defaultdict[_Place, set[Provenance]](set)
    for judgment in judgments:
        for place, outcome in _entries(judgment):
            tallies[place][outcome] += 1
            stamps[place].add(judgment.provenance)
    return tuple(
        _cell(place, tallies[place], worst(stamps[place]))
        for place in sorted(tallies, key=_place_order)
    )


def summarise_languages(judgments: Iterable[Judgment]) -> tuple[Cell, ...]:
    """Count a run's verdicts by the language of the items; nothing where all are in one.

    Parameters
    ----------
    judgments : iterable of Judgment
        Streamed; only counts are held. Items whose language nobody knows are counted as ``und``.
    """
    spoken = (replaced(each, group=each.lang or UNDETERMINED) for each in judgments)
    cells = [cell for cell in summarise(spoken) if cell.group is not None]
    if len({cell.group for cell in cells}) < 2:
        return ()
    return tuple(cell.model_copy(update={"group": None, "lang": cell.group}) for cell in cells)


UNDETERMINED = "und"
"""The tag of BCP 47 for a language that nobody knows."""


def _entries(judgment: Judgment) -> Iterator[tuple[_Place, int | str]]:
    for verdict in judgment.verdicts:
        outcome = verdict.score if verdict.kind == "scored" else verdict.outcome
        for group in {None, judgment.group}:
            place = (
                judgment.rubric,
                verdict.criterion,
                judgment.judge,
                judgment.system,
                group,
            )
            yield place, outcome


def _place_order(place: _Place) -> tuple[str, ...]:
    return tuple(part or "" for part in place)


def _cell(place: _Place, tally: Counter[int | str], provenance: Provenance) -> Cell:
    rubric, criterion, judge, system, group = place
    levels = {key: count for key, count in tally.items() if isinstance(key, int)}
    reasons = {key: count for key, count in tally.items() if isinstance(key, str)}
    return Cell(
        rubric=rubric,
        criterion=criterion,
        judge=judge,
        system=system,
        group=group,
        counts=Counts.of({"ok": sum(levels.values()), **reasons}),
        levels=levels,
        reasons=reasons,
        provenance=provenance,
    )


PAGE = 200
"""Questions that are looked up at once."""


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
    transport: str = "auto"
    """A name of `judge.models.transports`."""
    recall: bool = True
    """Take over what other runs of the store were told to the very same question."""
    prices: Mapping[str, Price] = field(default_factory=dict[str, Price])
    addresses: tuple[str, ...] = ()
    """All addresses of the model, where it has several; the first is the one in its settings."""


class Plan(Protocol):
    """What a run is to do."""

    @property
    def asked(self) -> tuple[ModelSettings, ...]:
        """The models that will be asked."""
        ...

    def tasks(self) -> Iterator[Task]:
        """Give every task of the run, anew with each call."""
        ...

    def manifest(self) -> Manifest:
        """Say what the run is made of."""
        ...

    def create(self, store: "Store", name: str, manifest: Manifest) -> Run:
        """Keep the run with all that belongs to it."""
        ...


def begin(store: "Store", name: str, plan: Plan) -> tuple[Run, bool]:
    """Make a run, or find the one of that name if nothing that matters has changed.

    Returns
    -------
    Run
    bool
        True when the run was there already.

    Raises
    ------
    ConfigError
        If there is nothing to ask.
    RunMismatch
        If a run of that name was made with something else; the message says what.
    """
    wanted = plan.manifest()
    run = store.find_run(name)
    if run is None:
        _refuse_nothing(wanted)
        return plan.create(store, name, wanted), False
    changes = difference(run.manifest, wanted)
    if changes:
        raise RunMismatch(
            f"run {name!r} was made with something else ({'; '.join(changes)}); "
            "give the new one another name with --run."
        )
    return run, True


def _refuse_nothing(manifest: Manifest) -> None:
    if manifest.planned:
        return
    why = (
        "no prompt has responses of two systems, which --pairwise compares"
        if manifest.kind == "pairwise"
        else "no rubric applies to the group of any response"
    )
    raise ConfigError(f"nothing to ask: {why}; see the fields id, system and group.")


async def carry_out(
    store: "Store",
    run: Run,
    *,
    tasks: Iterator[Task],
    models: Mapping[str, Model],
    settings: Settings,
    stop: asyncio.Event,
    seen: Callable[[Made], None],
) -> str | None:
    """Ask for what a run still lacks.

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
        Told of each record that was kept.

    Returns
    -------
    str or None
        Which limit ended the run, in a clause.

    Raises
    ------
    StoreError
        If another process writes the run, or the database fails.
    """
    from judge.store.parts import keys_at_provider

    with store.writer(run):
        settled = {_slot_digest(slot) for slot in store.settled(run)}
        at_provider = keys_at_provider(store, run)
        open_tasks: Iterator[Task] = (
            task
            for task in tasks
            if _slot_digest(task.slot) not in settled and task.key not in at_provider
        )
        calls, usd = store.spent(run)
        async with AsyncExitStack() as stack:
            for model in models.values():
                stack.push_async_callback(model.close)
            writer = await stack.enter_async_context(Writer(partial(store.write, run)))
            limits = limits_of(settings)
            before = kept_dialects(store, run)
            limits.teach(models, before)
            stack.callback(lambda: keep_dialects(store, run, limits.learnt(models), before=before))
            bench = Bench(
                models=models,
                keep=writer.put,
                budget=Budget(
                    max_calls=settings.max_calls,
                    max_usd=settings.budget_usd,
                    calls=calls,
                    usd=usd,
                ),
                limits=limits,
                policy=RetryPolicy(max_attempts=settings.max_attempts),
                prices=settings.prices,
                deadline=settings.deadline,
                first_serial=store.last_serial(run) + 1,
                seen=seen,
            )
            if settings.recall and run.manifest.kind != "generate":
                open_tasks = recalled(open_tasks, store, run)
            await ask_tasks(open_tasks, bench, workers=settings.concurrency, stop=stop)
            return limit_told(run, bench.budget.exceeded)


def recalled(tasks: Iterator[Task], store: "Store", run: Run) -> Iterator[Task]:
    """Stream tasks; those that another run of the store has answered know their judgment.

    The content key decides: it covers the judge with its settings and address, the trusted text,
    the rubric, the reply's schema, the judged texts, and the repeat. The run itself
    is not searched.
    """
    if len(store.runs()) == 1:
        yield from tasks
        return
    while page := list(islice(tasks, PAGE)):
        before = store.known(run, [task.key for task in page])
        for task in page:
            known = before.get(task.key)
            # Preferences are written in terms of the pair, so the same texts in the other order
            # of systems have the other sign.
            if isinstance(task, JudgingTask) and known is not None and known.order == task.order:
                yield task.recalled(known)
            else:
                yield task


def counts(store: "Store", run: Run) -> Counts:
    """Count what became of what a run planned.

    What was never asked, because somebody stopped the run or its budget was spent, counts as
    skipped: planned = scored + unscored + error + skipped at every moment.
    """
    return Counts.of(store.outcomes(run), planned=run.manifest.planned)


def limit_told(run: Run, limit: str | None) -> str | None:
    """Tell logs and telemetry which limit ended a run, where one did; gives it back."""
    if limit is not None:
        happened("budget_reached", run=run.name, limit=limit)
    return limit


def tell_of_start(run: Run, settings: Settings, *, way: str, open_: int, resumed: bool) -> None:
    """Tell logs and telemetry that a sitting begins, with what is still to be asked."""
    happened(
        "run_started",
        run=run.name,
        kind=run.manifest.kind,
        way=way,
        planned=run.manifest.planned,
        open=open_,
        resumed=resumed,
        concurrency=settings.concurrency,
    )


def tell_of_end(store: "Store", run: Run, *, seconds: float, interrupted: bool) -> None:
    """Tell logs and telemetry what became of what the run planned, and what it has cost."""
    found = counts(store, run)
    calls, usd = store.spent(run)
    happened(
        "run_ended",
        run=run.name,
        planned=found.planned,
        scored=found.scored,
        unscored=found.unscored,
        error=found.error,
        skipped=found.skipped,
        calls=calls,
        usd=round(usd, 6),
        seconds=round(seconds, 3),
        interrupted=interrupted,
    )


def limits_of(settings: Settings) -> Limits:
    """Make the limits that settings ask for."""
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


# What a run has learnt of how its models take their settings, kept with the run.

KIND = "dialects"
"""Kind of the document in the store."""

_DIALECTS = TypeAdapter(dict[str, Learnt])


def kept_dialects(store: "Store", run: "Run") -> dict[str, Learnt]:
    """Read what earlier parts of a run have learnt, by the names of its models."""
    body = store.latest_document(run, KIND)
    return {} if body is None else _DIALECTS.validate_json(body)


def keep_dialects(
    store: "Store", run: "Run", learnt: Mapping[str, Learnt], *, before: Mapping[str, Learnt]
) -> None:
    """Keep what a run has learnt, where that is something new."""
    if dict(learnt) != dict(before):
        store.add_document(run, KIND, _DIALECTS.dump_json(dict(learnt)).decode())
