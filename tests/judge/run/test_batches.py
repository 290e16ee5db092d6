import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from judge.grading.pointwise import edition_of
from judge.manifest import Source
from judge.models.batch import open_batches
from judge.models.limits import Price
from judge.records import Generation, Judge, Judgment
from judge.run.batch_parts import BatchSettings
from judge.run.batches import BatchOutcome, BatchRun, carry_out_batches
from judge.run.plan import JudgingPlan
from judge.run.run import begin, counts
from judge.simulated.batches import BatchPlan
from judge.simulated.server import SimulatedServer, serve
from judge.store.parts import parts
from judge.store.records import Run
from judge.store.store import Store, open_store

FAST = BatchSettings(poll=0.0, grace=0.0, most_lines=4)
PRICE = Price(prompt=1e-6, completion=2e-6)
FORMS = {
    "openai": ("openai/sim", "/v1"),
    "anthropic": ("anthropic/sim", ""),
    "gemini": ("gemini/sim", ""),
}
KEYS = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k", "GEMINI_API_KEY": "k"}


def generations(count: int) -> tuple[Generation, ...]:
    return tuple(
        Generation(id=f"p{n}", prompt=f"问题 {n}", response=f"回答 {n}", system="m", lang="zh")
        for n in range(count)
    )


def plan_for(server: SimulatedServer, form: str, units: Sequence[Generation]) -> JudgingPlan:
    model, path = FORMS[form]
    judge = Judge(model=model, base_url=f"http://127.0.0.1:{server.port}{path}")
    return JudgingPlan(
        source=Source(name="r.jsonl", sha256="0" * 64, rows=len(units)),
        read=lambda: iter(units),
        editions=(edition_of("refusal"),),
        judges=(judge,),
    )


class Sitting:
    """A store, a server and what was said while batches were worked on."""

    def __init__(
        self, store: Store, server: SimulatedServer, *, form: str = "openai", count: int = 10
    ) -> None:
        self.store = store
        self.server = server
        self.plan = plan_for(server, form, generations(count))
        self.run: Run = begin(store, "batched", self.plan)[0]
        self.notes: list[str] = []
        self.kept: list[str] = []

    async def sit(self, settings: BatchSettings = FAST, **limits: object) -> BatchOutcome:
        judge = self.plan.judges[0]
        limits = {"prices": {judge.name: PRICE}, **limits}
        return await carry_out_batches(
            BatchRun(
                store=self.store,
                run=self.run,
                tasks=self.plan.tasks,
                services={judge.name: open_batches(judge, environ=KEYS)},
                settings=settings,
                stop=asyncio.Event(),
                seen=lambda made: self.kept.append(made.id),
                note=self.notes.append,
                **limits,  # pyright: ignore[reportArgumentType] - given by the test
            )
        )

    def judged(self) -> list[Judgment]:
        return list(self.store.judgments(self.run))

    @property
    def said(self) -> str:
        return "\n".join(self.notes)


@pytest.mark.parametrize("form", FORMS)
async def test_a_run_of_parts_scores_every_response_once(tmp_path: Path, form: str) -> None:
    store = open_store(str(tmp_path / "s.db"))
    async with serve(batches=BatchPlan()) as server:
        sitting = Sitting(store, server, form=form)
        outcome = await sitting.sit()
    assert counts(store, sitting.run).scored == 10
    assert (outcome.at_provider, outcome.left, outcome.limit) == (0, 0, None)
    assert [part.lines for part in parts(store, sitting.run)] == [4, 4, 2]
    assert server.batches.summary()["twice"] == 0
    assert sorted(sitting.kept) == sorted(f"p{n}" for n in range(10))


async def test_every_line_is_an_attempt_before_the_provider_has_it(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "s.db"))
    async with serve(batches=BatchPlan(modes=("enqueued_limit",))) as server:
        sitting = Sitting(store, server)
        await sitting.sit(BatchSettings(wait=False, grace=0.0))
        assert server.batches.posted.total() == 0
    assert [attempt.outcome for attempt in store.attempts(sitting.run)] == ["started"] * 10
    assert {attempt.transport for attempt in store.attempts(sitting.run)} == {"batch"}


async def test_a_batch_costs_half(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "s.db"))
    async with serve(batches=BatchPlan()) as server:
        sitting = Sitting(store, server, count=1)
        await sitting.sit()
    (judged,) = sitting.judged()
    usage = judged.usage
    assert usage.prompt_tokens is not None
    assert usage.completion_tokens is not None
    expected = 0.5 * (1e-6 * usage.prompt_tokens + 2e-6 * usage.completion_tokens)
    assert judged.cost_usd == pytest.approx(expected)


async def test_what_is_posted_is_collected_by_a_later_sitting(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "s.db"))
    async with serve(batches=BatchPlan()) as server:
        sitting = Sitting(store, server)
        leave = BatchSettings(wait=False, grace=0.0)
        assert (await sitting.sit(leave)).at_provider == 10
        assert sitting.judged() == []
        store.close()
        sitting.store = open_store(str(tmp_path / "s.db"))
        assert (await sitting.sit()).at_provider == 0
        assert len(sitting.judged()) == 10
        assert server.batches.summary()["twice"] == 0


@pytest.mark.parametrize("form", FORMS)
async def test_a_lost_reply_to_the_post_is_found_again_not_posted_twice(
    tmp_path: Path, form: str
) -> None:
    store = open_store(str(tmp_path / "s.db"))
    async with serve(batches=BatchPlan(modes=("lost_create", ""))) as server:
        sitting = Sitting(store, server, form=form)
        await sitting.sit()
    assert counts(store, sitting.run).scored == 10
    assert server.batches.summary()["twice"] == 0
    assert "had been taken: found again" in sitting.said


async def test_a_kill_between_the_post_and_the_note_of_it_posts_nothing_twice(
    tmp_path: Path,
) -> None:
    store = open_store(str(tmp_path / "s.db"))
    async with serve(batches=BatchPlan()) as server:
        sitting = Sitting(store, server)
        await sitting.sit(BatchSettings(wait=False, grace=0.0))
        with store.transaction() as connection:
            connection.exec_driver_sql("UPDATE parts SET state = 'posting', batch_id = NULL")
        await sitting.sit()
    assert counts(store, sitting.run).scored == 10
    assert server.batches.summary()["twice"] == 0


async def test_a_kill_before_the_post_posts_the_very_same_lines(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "s.db"))
    async with serve(batches=BatchPlan(modes=("enqueued_limit", ""))) as server:
        sitting = Sitting(store, server)
        await sitting.sit(BatchSettings(wait=False, grace=0.0))
        await sitting.sit()
    assert counts(store, sitting.run).scored == 10
    assert [part.state for part in parts(store, sitting.run)] == ["collected"]
    assert len(list(store.attempts(sitting.run))) == 10


async def test_lines_that_expired_are_posted_again_and_then_left(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "s.db"))
    async with serve(batches=BatchPlan(modes=("expires",))) as server:
        sitting = Sitting(store, server, count=8)
        outcome = await sitting.sit(BatchSettings(poll=0.0, grace=0.0))
    assert counts(store, sitting.run).scored == 6
    assert outcome.left == 2
    outcomes = [attempt.outcome for attempt in store.attempts(sitting.run)]
    assert outcomes.count("error.expired") == 6
    assert outcomes.count("ok") == 6


async def test_what_failed_in_one_part_succeeds_in_the_next(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "s.db"))
    async with serve(batches=BatchPlan(modes=("all_failed", ""))) as server:
        sitting = Sitting(store, server, count=3)
        outcome = await sitting.sit()
    assert counts(store, sitting.run).scored == 3
    assert outcome.left == 0
    assert {judged.attempts for judged in sitting.judged()} == {1}


async def test_a_whole_that_fails_once_is_posted_anew(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "s.db"))
    async with serve(batches=BatchPlan(modes=("fails_once", ""))) as server:
        sitting = Sitting(store, server, count=3)
        outcome = await sitting.sit()
    assert counts(store, sitting.run).scored == 3
    assert outcome.limit is None


async def test_a_model_that_takes_no_batches_ends_the_run_with_a_way_out(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "s.db"))
    async with serve(batches=BatchPlan(modes=("not_batchable",))) as server:
        sitting = Sitting(store, server, count=3)
        outcome = await sitting.sit()
    assert counts(store, sitting.run).scored == 0
    assert outcome.limit is not None
    assert "model_not_batchable" in outcome.limit
    assert "without --batch" in outcome.limit
    assert len(server.batches.batches) == 2


@pytest.mark.parametrize("mode", ["short_download", "cut_download", "metered_download"])
async def test_a_cut_download_loses_and_doubles_nothing(tmp_path: Path, mode: str) -> None:
    store = open_store(str(tmp_path / "s.db"))
    async with serve(batches=BatchPlan.model_validate({"modes": (mode,)})) as server:
        sitting = Sitting(store, server)
        await sitting.sit()
    assert counts(store, sitting.run).scored == 10
    assert len(sitting.judged()) == 10


async def test_names_that_are_doubled_or_unknown_are_counted_and_change_nothing(
    tmp_path: Path,
) -> None:
    store = open_store(str(tmp_path / "s.db"))
    async with serve(batches=BatchPlan(modes=("confused_ids",))) as server:
        sitting = Sitting(store, server, count=3)
        await sitting.sit()
    assert len(sitting.judged()) == 3
    assert "1 of unknown name, 1 twice" in sitting.said


async def test_a_reply_without_usage_has_no_known_cost(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "s.db"))
    async with serve(batches=BatchPlan(modes=("no_usage",))) as server:
        sitting = Sitting(store, server, count=1)
        await sitting.sit()
    assert sitting.judged()[0].cost_usd is None


async def test_a_provider_that_is_full_is_asked_again_after_a_while(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "s.db"))
    async with serve(batches=BatchPlan(most_running=1)) as server:
        sitting = Sitting(store, server)
        await sitting.sit()
    assert counts(store, sitting.run).scored == 10
    assert server.batches.refused >= 1
    assert server.batches.summary()["twice"] == 0


async def test_the_budget_ends_a_run_before_a_part_could_cross_it(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "s.db"))
    async with serve(batches=BatchPlan()) as server:
        sitting = Sitting(store, server)
        outcome = await sitting.sit(max_usd=0.01)
    calls, usd = store.spent(sitting.run)
    assert 0 < calls < 10
    assert usd <= 0.01
    assert outcome.limit == "the limit of US dollars is reached"


async def test_the_limit_of_calls_counts_lines(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "s.db"))
    async with serve(batches=BatchPlan()) as server:
        sitting = Sitting(store, server)
        outcome = await sitting.sit(max_calls=6)
    assert counts(store, sitting.run).scored == 6
    assert outcome.limit == "the limit of calls is reached"


async def test_one_question_of_several_units_is_paid_for_once(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "s.db"))
    async with serve(batches=BatchPlan()) as server:
        sitting = Sitting(store, server)
        same = [
            unit.model_copy(update={"prompt": "问题", "response": "回答"})
            for unit in generations(5)
        ]
        sitting.plan = plan_for(server, "openai", same)
        sitting.run = begin(store, "same", sitting.plan)[0]
        await sitting.sit(prices={"openai/sim": PRICE})
    assert counts(store, sitting.run).scored == 5
    assert server.batches.posted.total() == 1
    assert store.spent(sitting.run)[1] == pytest.approx(
        sum(judged.cost_usd or 0.0 for judged in sitting.judged())
    )


async def test_cancelling_keeps_what_was_answered_and_posts_nothing(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "s.db"))
    async with serve(batches=BatchPlan(polls=50)) as server:
        sitting = Sitting(store, server, count=8)
        await sitting.sit(BatchSettings(wait=False, grace=0.0))
        outcome = await sitting.sit(BatchSettings(poll=0.0, grace=0.0, cancel=True))
        assert len(server.batches.batches) == 1
    assert counts(store, sitting.run).scored == 4
    assert outcome.at_provider == 0
