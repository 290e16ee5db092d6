"""Proposers: who writes candidates. All stand behind one seam and see the reflect part alone.

The example selector shows the judge worked cases, gepa rewrites one text after another with a
reflection model (Agrawal et al. 2025, arXiv 2507.19457), and a person brings a whole rubric. gepa
is an extra and is imported here and nowhere else; it runs in a thread and asks through the engine.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, cast

import numpy as np

from calibration.validation import FloatArray
from judge.errors import ConfigError
from judge.improve.cases import Case
from judge.improve.components import ANCHORS, Components, components_of, with_components
from judge.improve.evaluation import Engine, Halted, Judged, Setup
from judge.improve.guards import Fault, Texts, written_faults
from judge.improve.reflection import read_text, request_for
from judge.improve.selection import Candidate, balance, case_scores, mean_score
from rubrics.reply_schema import rubric_digest
from rubrics.rubric import CANNOT_ASSESS, Example, Grade, Rubric, frame_language

MINIBATCH = 8
"""Cases that the reflection model is shown at once; about half are disagreements."""
ROUNDS = 10
"""Proposals of the reflection model."""
POOL = 4
"""Cases that the example selector tries at each step."""
TRIED_ON = 24
"""Cases of the reflect part on which an example is tried."""

Answer = TypeVar("Answer")


def _no_report(_: str) -> None:
    pass


@dataclass(kw_only=True)
class Search:
    """What a proposer works with.

    Attributes
    ----------
    engine : Engine
    setup : Setup
        The old one.
    reflect, select : tuple of Case
    criteria : tuple of str
        Those with labels.
    texts : Texts
        Of all labelled cases, against copies.
    seed : int
    may_go_on : callable
        Tells from the number of calls that would come next whether they may be made.
    report : callable
        Told in a line what is going on.
    rejected : list of Fault
        What the guards rejected on the way.
    """

    engine: Engine
    setup: Setup
    reflect: tuple[Case, ...]
    select: tuple[Case, ...]
    criteria: tuple[str, ...]
    texts: Texts
    seed: int = 0
    may_go_on: Callable[[int], bool] = lambda _: True
    report: Callable[[str], None] = _no_report
    rejected: list[Fault] = field(default_factory=list[Fault])
    proposals: int = 0
    """Texts that were proposed, whatever became of them."""

    @property
    def rubric(self) -> Rubric:
        """The old rubric."""
        return self.setup.rubric

    def with_rubric(self, rubric: Rubric) -> Setup:
        """Give the old judges another rubric."""
        return Setup(rubric=rubric, judges=self.setup.judges)

    def candidate(self, components: Components, origin: str) -> Candidate | None:
        """Make a candidate of texts; None where no rubric can hold them or a guard says no."""
        self.proposals += 1
        try:
            rubric = with_components(self.rubric, components)
        except ConfigError as error:
            self.rejected.append(Fault(guard="lint", what=str(error)))
            return None
        return self.accepted(Candidate(setup=self.with_rubric(rubric), origin=origin))

    def accepted(self, candidate: Candidate) -> Candidate | None:
        """Give a candidate back unless a guard rejects its texts."""
        faults = written_faults(self.rubric, candidate.setup.rubric, self.texts)
        self.rejected += faults
        return None if faults else candidate


class Proposer(Protocol):
    """Who writes candidates."""

    async def propose(self, search: Search) -> tuple[Candidate, ...]:
        """Give candidates; what the guards reject is noted in the search and left out."""
        ...


@dataclass(frozen=True, kw_only=True)
class ByHand:
    """A rubric that a person wrote.

    Attributes
    ----------
    rubric : Rubric
        Its version is its author's; it may differ from the old one in the texts alone.
    """

    rubric: Rubric

    async def propose(self, search: Search) -> tuple[Candidate, ...]:
        """Give it, unless it changes nothing or a guard rejects it.

        Raises
        ------
        ConfigError
            If a guard rejects it: its author is there to hear why.
        """
        search.proposals += 1
        rubric = self.rubric
        if rubric_digest(rubric) == rubric_digest(search.rubric):
            raise ConfigError("--candidate means the same as the old rubric; change a text of it.")
        if rubric.version == search.rubric.version:
            rubric = (
                with_components(
                    search.rubric,
                    components_of(rubric, [each.id for each in search.rubric.criteria]),
                    examples=[
                        each for each in rubric.examples if each not in search.rubric.examples
                    ],
                )
                if _same_frame(rubric, search.rubric)
                else rubric
            )
        candidate = Candidate(setup=search.with_rubric(rubric), origin="hand")
        if search.accepted(candidate) is None:
            raise ConfigError(f"--candidate is rejected: {search.rejected[-1].what}")
        return (candidate,)


def _same_frame(one: Rubric, other: Rubric) -> bool:
    return [each.id for each in one.criteria] == [each.id for each in other.criteria]


@dataclass(frozen=True, kw_only=True)
class ByExamples:
    """Worked cases of the reflect part, added one at a time while they help.

    Attributes
    ----------
    most : int
        Examples to add.
    """

    most: int = 2

    async def propose(self, search: Search) -> tuple[Candidate, ...]:
        """Give the chain of rubrics with one example more each, as far as each step helped."""
        tried = _trial_set(search, TRIED_ON)
        pool = [case for case in _by_promise(search) if _example(case, search) is not None]
        chosen: list[Case] = []
        found: list[Candidate] = []
        best = await self._value(search, [], tried)
        while len(chosen) < self.most and pool and best is not None:
            steps = pool[:POOL]
            if not search.may_go_on(len(steps) * len(tried)):
                break
            values = [await self._value(search, [*chosen, case], tried) for case in steps]
            top = max(range(len(steps)), key=lambda at: (values[at] or 0.0, -at))
            value = values[top]
            if value is None or value <= best:
                break
            best = value
            chosen.append(steps[top])
            pool.remove(steps[top])
            candidate = _with_examples(search, chosen)
            if candidate is None:
                break
            found.append(candidate)
            search.report(f"example {len(chosen)}: agreement {best:.3f} on the reflect part")
        return tuple(found)

    async def _value(
        self, search: Search, shown: Sequence[Case], tried: Sequence[Case]
    ) -> float | None:
        """Score a choice of examples on cases that are not shown, nor of a prompt that is."""
        candidate = _with_examples(search, shown) if shown else None
        if shown and candidate is None:
            return None
        setup = candidate.setup if candidate else search.setup
        away = {case.cluster for case in shown}
        cases = [case for case in tried if case.cluster not in away]
        (judged,) = await search.engine.judge([setup], cases)
        scores = case_scores(judged, cases, rubric=search.rubric, criteria=search.criteria)
        return mean_score(scores, balance(cases, search.criteria))


def _trial_set(search: Search, size: int) -> list[Case]:
    """Take disagreements and agreements in turn, drawn at random."""
    rng = random.Random(search.seed)
    wrong = [case for case in search.reflect if _distance(case, search) > 0.0]
    right = [case for case in search.reflect if _distance(case, search) == 0.0]
    rng.shuffle(wrong)
    rng.shuffle(right)
    half = size // 2
    taken = wrong[:half] + right[: size - min(len(wrong), half)]
    return sorted(taken, key=lambda case: case.unit)


def _distance(case: Case, search: Search) -> float:
    """How far the run's judge lies from the experts, at its farthest criterion; 0 to 1."""
    far = 0.0
    for name in search.criteria:
        label, said = case.labels.get(name), case.verdicts.get(name)
        if label is not None and said is not None:
            scale = search.rubric.criterion(name).scale
            far = max(far, abs(label - said) / (scale.max - scale.min))
    return far


def disagreements(
    cases: Sequence[Case], criteria: Sequence[str]
) -> dict[tuple[str, float, float], list[int]]:
    """Group the cases on which the run's judge and the experts part.

    Returns
    -------
    dict of (criterion, experts' level, judge's level) to list of int
        Places of the cases; missing verdicts are no disagreement.
    """
    cells = defaultdict[tuple[str, float, float], list[int]](list)
    for place, case in enumerate(cases):
        for name in criteria:
            label, said = case.labels.get(name), case.verdicts.get(name)
            if label is not None and said is not None and label != said:
                cells[name, label, said].append(place)
    return dict(cells)


def _by_promise(search: Search) -> list[Case]:
    """Order cases by what they may teach: disagreements that no expert doubts, short ones first."""
    mine = [case for case in search.reflect if case.lang == frame_language(search.rubric.language)]
    wrong = [case for case in mine if _distance(case, search) > 0.0]
    return sorted(
        wrong,
        key=lambda case: (
            not case.unanimous,
            -_distance(case, search),
            len(case.generation.prompt) + len(case.generation.response),
            case.unit,
        ),
    )


def _example(case: Case, search: Search) -> Example | None:
    """Make a worked example; None where experts did not settle every criterion of the rubric."""
    words = {"en": "The experts' level.", "zh": "专家给出的等级。"}[
        frame_language(search.rubric.language)
    ]
    grades: list[Grade] = []
    for criterion in search.rubric.criteria:
        label = case.labels.get(criterion.id)
        if label is None:
            return None
        level = round(label)
        score = level if level in criterion.scale.levels else CANNOT_ASSESS
        grades.append(Grade(criterion=criterion.id, reasoning=words, evidence="", score=score))
    try:
        return Example(
            prompt=case.generation.prompt, response=case.generation.response, grades=tuple(grades)
        )
    except ValueError:
        # Hidden characters, or nothing at all: no example can be made of it.
        return None


def _with_examples(search: Search, cases: Sequence[Case]) -> Candidate | None:
    examples = [each for case in cases if (each := _example(case, search)) is not None]
    search.proposals += 1
    rubric = with_components(search.rubric, {}, examples=examples)
    keys = tuple(case.content for case in cases)
    return search.accepted(
        Candidate(setup=search.with_rubric(rubric), origin="examples", example_keys=keys)
    )


@dataclass(frozen=True, kw_only=True)
class ByGepa:
    """gepa's reflective evolution of the rubric's texts.

    Attributes
    ----------
    rounds : int
        Proposals at most.
    """

    rounds: int = ROUNDS

    async def propose(self, search: Search) -> tuple[Candidate, ...]:
        """Run gepa in a thread of its own; every judgment and reflection goes through the engine.

        Raises
        ------
        ConfigError
            If gepa is not installed.
        """
        optimize = _gepa()
        loop = asyncio.get_running_loop()
        adapter = _Adapter(search, loop)
        seed = components_of(search.rubric, search.criteria)

        def run() -> list[dict[str, str]]:
            result: Any = optimize(
                seed_candidate=seed,
                trainset=list(search.reflect),
                valset=list(search.select),
                adapter=adapter,
                batch_sampler=adapter,
                reflection_minibatch_size=None,
                module_selector=adapter.choose_component,
                skip_perfect_score=False,
                stop_callbacks=adapter.finished(self.rounds),
                logger=_Quiet(),
                seed=search.seed,
                raise_on_exception=True,
            )
            return list(result.candidates)

        try:
            found = await asyncio.to_thread(run)
        except Halted:
            found = []
        finally:
            adapter.halted = True
        candidates = (
            search.candidate(each, "gepa") for each in found or adapter.accepted if each != seed
        )
        return tuple(each for each in candidates if each is not None)


def _gepa() -> Callable[..., Any]:
    try:
        from gepa.api import optimize  # pyright: ignore[reportUnknownVariableType] - bound below
    except ImportError as error:
        raise ConfigError(
            "--reflection-model needs gepa: pip install 'cvalues[improve]'; or bring a rubric of "
            "your own with --candidate."
        ) from error
    # gepa's generic parameters are bound by our adapter, which its types cannot say.
    return cast("Callable[..., Any]", optimize)  # pyright: ignore[reportUnknownVariableType] - above


class _Quiet:
    """gepa's log; what matters is told through the search."""

    def log(self, message: str) -> None:
        pass


@dataclass
class _Batch:
    """What gepa expects of an evaluation."""

    outputs: list[Judged]
    scores: list[float]
    trajectories: list[tuple[Case, Judged]]
    objective_scores: list[dict[str, float]] | None = None
    num_metric_calls: int | None = None


def _with_means(scores: FloatArray, weights: FloatArray) -> FloatArray:
    """Weigh the scores of cases; what is missing takes the mean of the rest of the batch.

    Parameters
    ----------
    scores, weights : float array, shape (criteria, cases)

    Returns
    -------
    float array, shape (cases,)
    """
    used = ~np.isnan(scores) & (weights > 0.0)
    given = np.where(used, weights, 0.0).sum(axis=0)
    summed = np.where(used, weights * np.nan_to_num(scores), 0.0).sum(axis=0)
    total = float(given.sum())
    mean = float(summed.sum()) / total if total else 0.0
    return summed + mean * (weights.sum(axis=0) - given)


class _Adapter:
    """gepa's door to the engine: it evaluates, samples, and proposes."""

    def __init__(self, search: Search, loop: asyncio.AbstractEventLoop) -> None:
        self.halted = False
        self.accepted: list[dict[str, str]] = []
        self._search = search
        self._loop = loop
        self._rng = random.Random(search.seed)
        self._weights = {
            case.unit: weights
            for cases in (search.reflect, search.select)
            for case, weights in zip(cases, balance(cases, search.criteria).T, strict=True)
        }

    def evaluate(
        self,
        batch: list[Case],
        candidate: dict[str, str],
        capture_traces: bool = False,  # noqa: FBT001, FBT002 - gepa's signature
    ) -> _Batch:
        """Judge a batch under a candidate.

        A case without a verdict takes the mean of the others, which leaves gepa's mean as if the
        case were missing; gepa itself knows no missing score.
        """
        del capture_traces
        search = self._search
        rubric = with_components(search.rubric, candidate)
        (judged,) = self._wait(search.engine.judge([search.with_rubric(rubric)], batch))
        scores = case_scores(judged, batch, rubric=search.rubric, criteria=search.criteria)
        weights = np.array([self._weights[case.unit] for case in batch], dtype=np.float64).T
        values = _with_means(scores, weights)
        if len(batch) == len(search.select) and candidate not in self.accepted:
            self.accepted.append(dict(candidate))
        return _Batch(
            outputs=list(judged),
            scores=values.tolist(),
            trajectories=list(zip(batch, judged, strict=True)),
        )

    def make_reflective_dataset(
        self, candidate: dict[str, str], eval_batch: _Batch, components_to_update: list[str]
    ) -> dict[str, list[dict[str, Any]]]:
        """Give the cases to reflect on; they reach the model in our own words."""
        del candidate
        shown = [{"case": each} for each in eval_batch.trajectories]
        return dict.fromkeys(components_to_update, shown)

    def propose_new_texts(
        self,
        candidate: dict[str, str],
        reflective_dataset: Mapping[str, Sequence[Mapping[str, Any]]],
        components_to_update: list[str],
    ) -> dict[str, str]:
        """Ask for new texts; one that a guard rejects is no text."""
        search, new = self._search, dict[str, str]()
        for name in components_to_update:
            shown = [row["case"] for row in reflective_dataset[name]]
            request = request_for(search.rubric, name, candidate, shown=shown)
            answer = self._wait(search.engine.reflect(request))
            text = read_text(answer) if answer else ""
            if text and search.candidate({**candidate, name: text}, "gepa") is not None:
                new[name] = text
                search.report(f"a new text for {name}")
        return new

    def next_minibatch_ids(self, loader: Any, state: Any) -> list[int]:
        """Draw cases: half of them alike disagreements of the old judge, the others agreements.

        Alike means one criterion, one level of the experts and one of the judge: what they have in
        common is what a rule can say.
        """
        del loader, state
        cells = disagreements(self._search.reflect, self._search.criteria)
        right = [
            at
            for at, case in enumerate(self._search.reflect)
            if _distance(case, self._search) == 0.0
        ]
        wrong: list[int] = []
        if cells:
            sizes = [len(places) for places in cells.values()]
            (places,) = self._rng.choices(list(cells.values()), weights=sizes)
            wrong = self._rng.sample(places, min(len(places), MINIBATCH // 2))
        return wrong + self._rng.sample(right, min(len(right), MINIBATCH - len(wrong)))

    def choose_component(  # noqa: PLR0917 - gepa's signature
        self,
        state: Any,
        trajectories: list[tuple[Case, Judged]],
        subsample_scores: list[float],
        candidate_idx: int,
        candidate: dict[str, str],
    ) -> list[str]:
        """Choose the criterion with most disagreement, and by turns one of its texts."""
        del subsample_scores, candidate_idx
        search = self._search
        far = dict.fromkeys(search.criteria, 0.0)
        for case, judged in trajectories:
            for name in search.criteria:
                label, level = case.labels.get(name), judged.levels.get(name)
                if label is not None and level is not None:
                    scale = search.rubric.criterion(name).scale
                    far[name] += abs(label - level) / (scale.max - scale.min)
        criterion = max(search.criteria, key=lambda name: far[name])
        mine = [name for name in candidate if name.startswith(f"{criterion}.")]
        # Definitions and counter-rules say what a rubric is silent about; anchors come third.
        turn = int(state.i) % 3
        anchors = [name for name in mine if f".{ANCHORS}." in name]
        return [mine[turn]] if turn < 2 else [anchors[(int(state.i) // 3) % len(anchors)]]

    def finished(self, rounds: int) -> Callable[[Any], bool]:
        """Say when gepa is to stop: after so many rounds, or before calls run short."""
        search = self._search
        one = 2 * MINIBATCH + len(search.select) + 1

        def stop(state: Any) -> bool:
            return self.halted or int(state.i) + 1 >= rounds or not search.may_go_on(one)

        return stop

    def _wait(self, asked: Coroutine[Any, Any, Answer]) -> Answer:
        """Wait in gepa's thread for what the event loop does."""
        if self.halted:
            asked.close()
            raise Halted
        try:
            return asyncio.run_coroutine_threadsafe(asked, self._loop).result()
        except Halted:
            self.halted = True
            raise
