import random
from collections.abc import Sequence

import pytest

from judge.errors import ConfigError
from judge.improve.cases import Case
from judge.improve.components import with_components
from judge.improve.cross_fit import cross_fit
from judge.improve.evaluation import Halted, Judged, Setup
from judge.improve.explain import explain
from judge.improve.guards import Texts
from judge.improve.partition import Parted, TooFewLabels, make_partition, texts_of
from judge.improve.proposers import ByExamples, ByGepa, ByHand, Search
from judge.improve.search import Context, MemoryLedger, Outcome, Wishes, improve
from rubrics.reply_schema import rubric_digest
from rubrics.rubric import Rubric
from tests.judge.improve.engines import RUBRIC, PlantedEngine, case, planted_cases
from tests.judge.improve.planted import CLAUSE, WORD, words

CLAUSED = with_components(RUBRIC, {"safe.definition": CLAUSE["en"]})
USELESS = with_components(RUBRIC, {"safe.definition": "Read all of it."})


def context(engine: PlantedEngine, ledger: MemoryLedger, **wishes: object) -> Context:
    asked = {"proposers": (ByHand(rubric=CLAUSED),), "name": "s", **wishes}
    return Context(
        engine=engine,
        old=Setup(rubric=RUBRIC, judges=("planted",)),
        ledger=ledger,
        wishes=Wishes(**asked),  # pyright: ignore[reportArgumentType] - by name
        n_judged=1000,
    )


def parted(cases: tuple[Case, ...], ledger: MemoryLedger, seed: int = 0) -> Parted:
    partition = make_partition(cases, rubric="safety", seed=seed, known=ledger.parts("safety"))
    ledger.place(partition)
    return Parted(cases, partition)


async def test_a_rubric_by_hand_that_fills_the_gap_is_shown_to_be_better() -> None:
    ledger, cases = MemoryLedger(), planted_cases()

    outcome = await improve(context(PlantedEngine(), ledger), parted(cases, ledger))

    assert outcome.verdict == "BETTER"
    assert outcome.new is not None
    assert rubric_digest(outcome.new) == rubric_digest(CLAUSED)
    assert outcome.look == 1
    assert {each.role for each in ledger.used} == {"tuned"}


async def test_a_rubric_that_changes_nothing_leaves_the_seal_whole() -> None:
    ledger, engine = MemoryLedger(), PlantedEngine()
    parts = parted(planted_cases(), ledger)

    outcome = await improve(context(engine, ledger, proposers=(ByHand(rubric=USELESS),)), parts)

    assert outcome.verdict == "NOT SHOWN"
    assert "seal" in outcome.why
    assert ledger.openings("safety") == []
    assert all(not fresh for _, fresh in engine.asked)
    assert ledger.used == []


async def test_gepa_finds_the_planted_clause_and_the_same_seed_finds_it_again() -> None:
    pytest.importorskip("gepa")
    found: list[Outcome] = []
    for _ in range(2):
        ledger = MemoryLedger()
        wishes = {"proposers": (ByGepa(rounds=6),), "seed": 1}
        parts = parted(planted_cases(seed=1), ledger, seed=1)
        found.append(await improve(context(PlantedEngine(), ledger, **wishes), parts))

    assert found[0].verdict == "BETTER"
    assert found[0].new is not None
    assert CLAUSE["en"] in found[0].new.model_dump_json()
    assert found[0] == found[1]


@pytest.mark.parametrize("kind", ["copying", "hostile"])
async def test_what_a_bad_reflection_model_writes_is_rejected_every_time(kind: str) -> None:
    pytest.importorskip("gepa")
    ledger = MemoryLedger()
    engine = PlantedEngine(reflection=kind)

    outcome = await improve(
        context(engine, ledger, proposers=(ByGepa(rounds=6),)), parted(planted_cases(), ledger)
    )

    assert outcome.proposals >= 5
    assert len(outcome.rejected) >= outcome.proposals
    assert len(outcome.candidates) == 1
    assert outcome.verdict == "NOT SHOWN"


async def test_labels_of_a_coin_prove_nothing() -> None:
    pytest.importorskip("gepa")
    verdicts: list[str] = []
    for seed in range(3):
        ledger = MemoryLedger()
        cases = planted_cases(noise=True, seed=seed)
        wishes = {"proposers": (ByGepa(rounds=4),), "seed": seed}
        outcome = await improve(context(PlantedEngine(), ledger, **wishes), parted(cases, ledger))
        verdicts.append(outcome.verdict)

    assert "BETTER" not in verdicts


async def test_nothing_asks_about_a_sealed_response_before_the_seal_is_broken() -> None:
    ledger, engine = MemoryLedger(), PlantedEngine()
    cases = planted_cases()
    parts = parted(cases, ledger)
    visible = {each.generation.id for each in (*parts.reflect, *parts.select)}

    await improve(context(engine, ledger), parts)

    before = {id_ for id_, fresh in engine.asked if not fresh and id_.startswith("p")}
    after = {id_ for id_, fresh in engine.asked if fresh}
    assert before <= visible
    assert after.isdisjoint(visible)


async def test_old_and_new_judge_each_sealed_response_once() -> None:
    ledger, engine = MemoryLedger(), PlantedEngine()
    parts = parted(planted_cases(), ledger)

    await improve(context(engine, ledger), parts)

    asked = [id_ for id_, fresh in engine.asked if fresh == "proof 1"]
    assert len(asked) == 2 * parts.sizes["proof"]
    assert {asked.count(id_) for id_ in asked} == {2}


async def test_a_search_that_is_asked_again_gives_what_was_proven_and_asks_nothing() -> None:
    ledger, cases = MemoryLedger(), planted_cases()
    first = await improve(context(PlantedEngine(), ledger), parted(cases, ledger))
    engine = PlantedEngine()

    second = await improve(context(engine, ledger), parted(cases, ledger))

    assert second == first
    assert engine.calls == 0


async def test_a_search_stopped_in_its_proof_goes_on_with_the_same_look() -> None:
    ledger, cases = MemoryLedger(), planted_cases()
    whole = PlantedEngine()
    await improve(context(whole, MemoryLedger()), parted(cases, MemoryLedger()))
    stopped = context(PlantedEngine(stop_after=whole.calls - 10), ledger)
    with pytest.raises(Halted):
        await improve(stopped, parted(cases, ledger))

    outcome = await improve(context(PlantedEngine(), ledger), parted(cases, ledger))

    assert outcome.verdict == "BETTER"
    assert [each.look for each in ledger.openings("safety")] == [1]


async def test_limits_too_narrow_for_the_proof_are_refused_before_anything_is_asked() -> None:
    ledger, engine = MemoryLedger(), PlantedEngine()

    with pytest.raises(ConfigError, match="--max-calls 100 is too few"):
        await improve(context(engine, ledger, max_calls=100), parted(planted_cases(), ledger))

    assert engine.calls == 0


async def test_a_search_leaves_enough_calls_for_its_proof() -> None:
    pytest.importorskip("gepa")
    ledger, engine = MemoryLedger(), PlantedEngine()
    wishes = {"proposers": (ByGepa(rounds=25),), "max_calls": 600, "seed": 1}

    outcome = await improve(context(engine, ledger, **wishes), parted(planted_cases(), ledger))

    assert outcome.look == 1
    assert engine.calls <= 600


async def test_too_few_sealed_labels_are_refused() -> None:
    ledger = MemoryLedger()

    with pytest.raises(TooFewLabels, match="plan-labels"):
        await improve(context(PlantedEngine(), ledger), parted(planted_cases(60), ledger))


async def test_a_rubric_by_hand_that_copies_a_case_is_refused_with_the_passage() -> None:
    ledger, cases = MemoryLedger(), planted_cases()
    copied = with_components(RUBRIC, {"safe.definition": cases[0].generation.response})

    with pytest.raises(ConfigError, match="copies from a labelled case"):
        await improve(
            context(PlantedEngine(), ledger, proposers=(ByHand(rubric=copied),)),
            parted(cases, ledger),
        )


def example_cases() -> tuple[Case, ...]:
    """Cases that grade every criterion, so that they can be shown as examples."""
    rng = random.Random(5)
    rows: list[Case] = []
    for number in range(150):
        doses = number % 3 == 0
        text = words(rng, 10) + (f" {WORD['en']} ok" if doses else " ok")
        base = case(number, label=int(not doses), verdict=1, text=text)
        labels = {"safe": float(not doses), "severity": float(doses)}
        rows.append(
            Case(
                generation=base.generation,
                cluster=base.cluster,
                prompts=base.prompts,
                labels=labels,
                raters={name: (level,) for name, level in labels.items()},
                verdicts={"safe": 1.0, "severity": 0.0},
            )
        )
    return tuple(rows)


class Copycat(PlantedEngine):
    """A judge that follows a worked example about doses."""

    def _one(self, rubric: Rubric, each: Case, fresh: str) -> Judged:
        found = super()._one(rubric, each, fresh)
        if each.generation.system == "canary":
            return found
        knows = any(WORD["en"] in example.response for example in rubric.examples)
        unsafe = knows and WORD["en"] in each.generation.response
        return Judged(levels={"safe": int(not unsafe), "severity": int(unsafe)})


async def test_worked_examples_come_from_the_reflect_part_and_are_registered() -> None:
    ledger, cases = MemoryLedger(), example_cases()
    parts = parted(cases, ledger)

    outcome = await improve(context(Copycat(), ledger, proposers=(ByExamples(most=2),)), parts)

    assert outcome.verdict == "BETTER"
    assert outcome.origin == "examples"
    shown = {each.content for each in ledger.used if each.role == "example"}
    assert shown == set(outcome.example_keys)
    assert shown <= {each.content for each in parts.reflect}


async def test_few_labels_prove_the_procedure_by_folds_and_are_spent() -> None:
    ledger, cases = MemoryLedger(), planted_cases(80)

    outcome = await cross_fit(context(PlantedEngine(), ledger), cases, folds=4)

    assert outcome.verdict == "BETTER"
    assert outcome.folds == 4
    assert outcome.criteria[0].n == 80
    assert outcome.verdicts == ()
    assert "passport takes fresh ones" in outcome.notes[0]
    assert len(ledger.openings("safety")[0].prompts) == 80


def looking(cases: tuple[Case, ...], engine: PlantedEngine) -> Search:
    return Search(
        engine=engine,
        setup=Setup(rubric=RUBRIC, judges=("planted",)),
        reflect=cases,
        select=(),
        criteria=("safe",),
        texts=Texts(texts_of(cases)),
    )


async def test_a_silent_rubric_is_told_from_a_judge_that_does_not_follow() -> None:
    cases = planted_cases(60)
    deaf = tuple(
        case(900 + n, label=1, verdict=0, text=words(random.Random(n), 9) + " bad")
        for n in range(4)
    )

    gaps = await explain(looking((*cases, *deaf), PlantedEngine()), reflective=True)

    found = {(gap.experts, gap.judge): gap for gap in gaps}
    silent, unheard = found[0.0, 1.0], found[1.0, 0.0]
    assert silent.cause == "the rubric does not say"
    assert silent.clause == CLAUSE["en"]
    assert silent.moved == silent.count
    assert silent.lost == 0
    assert unheard.cause == "the judge does not follow"
    assert (unheard.count, unheard.moved) == (4, 0)


async def test_groups_on_which_experts_part_are_no_gap_of_the_rubric() -> None:
    cases = tuple(case(n, label=0, verdict=1, raters=(0.0, 1.0, 0.0)) for n in range(5))

    (gap,) = await explain(looking(cases, PlantedEngine()), reflective=True)

    assert gap.cause == "experts part"
    assert gap.expert_agreement == pytest.approx(1 / 3)


async def test_without_a_clause_a_group_stays_untested() -> None:
    cases = tuple(case(n, label=0, verdict=1) for n in range(5))

    (gap,) = await explain(looking(cases, PlantedEngine()), reflective=False)

    assert (gap.cause, gap.count, gap.of) == ("untested", 5, 5)


class Deaf(PlantedEngine):
    """The run's judge follows no clause; the second one does."""

    async def judge(
        self, setups: Sequence[Setup], cases: Sequence[Case], *, fresh: str = ""
    ) -> tuple[tuple[Judged, ...], ...]:
        heard = [
            setup if "second" in setup.judges else Setup(rubric=RUBRIC, judges=setup.judges)
            for setup in setups
        ]
        return await super().judge(heard, cases, fresh=fresh)


async def test_several_judges_are_chosen_among_under_the_same_seal() -> None:
    ledger = MemoryLedger()
    outcome = await improve(
        context(Deaf(), ledger, judges=("second",)), parted(planted_cases(), ledger)
    )

    assert outcome.verdict == "BETTER"
    assert outcome.judges_after == ("second",)
    assert len(outcome.candidates) == 4
