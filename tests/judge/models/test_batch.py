import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from judge.errors import BatchExpired, ConfigError, ConnectionFailed, ModelError, RateLimited
from judge.models.base import Message, Question, Reply
from judge.models.batch import BatchService, BatchStatus, LineResult, open_batches
from judge.records import Judge
from judge.simulated.batches import BatchPlan
from judge.simulated.server import SimulatedServer, serve

SCHEMA = {
    "title": "Reply",
    "type": "object",
    "properties": {"safe": {"type": "object", "properties": {"score": {"type": "integer"}}}},
}
FORMS = {
    "openai": ("openai/sim", "/v1"),
    "anthropic": ("anthropic/sim", ""),
    "gemini": ("gemini/sim", ""),
    "litellm": ("azure/sim", ""),
}
OWN = ("openai", "anthropic", "gemini")
ALL = (*OWN, "litellm")


@asynccontextmanager
async def opened(
    form: str, plan: BatchPlan
) -> AsyncGenerator[tuple[BatchService, SimulatedServer]]:
    model, path = FORMS[form]
    names = ("OPENAI", "ANTHROPIC", "GEMINI", "AZURE")
    environ = {**os.environ, **{f"{name}_API_KEY": "secret-key" for name in names}}
    async with serve(batches=plan) as server:
        base = f"http://127.0.0.1:{server.port}{path}"
        service = open_batches(Judge(model=model, base_url=base), environ=environ)
        try:
            yield service, server
        finally:
            await service.close()


def question(text: str) -> Question:
    messages = (Message(role="system", content="Judge."), Message(role="user", content=text))
    return Question(messages=messages, reply_schema=None)


def lines(service: BatchService, count: int) -> list[bytes]:
    return [service.encode(f"{n:064x}", question(f"问题 {n}")) for n in range(count)]


async def posted(service: BatchService, count: int = 4) -> BatchStatus:
    batch = lines(service, count)
    upload = await service.upload(batch, label="run-1")
    return await service.create(upload, batch, label="run-1")


async def ended(service: BatchService, batch_id: str) -> BatchStatus:
    for _ in range(10):
        status = await service.poll(batch_id)
        if status.state != "running":
            return status
    pytest.fail("the batch did not end")


async def read(service: BatchService, status: BatchStatus) -> list[LineResult]:
    return [line async for line in service.results(status)]


@pytest.mark.parametrize("form", ALL)
async def test_every_line_comes_back_under_its_own_name(form: str) -> None:
    async with opened(form, BatchPlan()) as (service, _):
        begun = await posted(service)
        assert begun.state == "running"
        results = await read(service, await ended(service, begun.batch_id))
    assert sorted(line.custom_id for line in results) == [f"{n:064x}" for n in range(4)]
    replies = [line.result for line in results]
    assert all(isinstance(reply, Reply) and reply.text for reply in replies)
    assert {reply.provenance for reply in replies if isinstance(reply, Reply)} == {"SIMULATED"}
    assert all(reply.usage.prompt_tokens for reply in replies if isinstance(reply, Reply))


@pytest.mark.parametrize("form", OWN)
async def test_a_structured_reply_is_asked_for_in_the_providers_own_form(form: str) -> None:
    async with opened(form, BatchPlan()) as (service, _):
        asked = question("x").model_copy(update={"reply_schema": SCHEMA, "rung": service.rungs[0]})
        batch = [service.encode("a", asked)]
        upload = await service.upload(batch, label="run-1")
        begun = await service.create(upload, batch, label="run-1")
        (line,) = await read(service, await ended(service, begun.batch_id))
    assert isinstance(line.result, Reply)
    assert '"score"' in (line.result.text or "")


@pytest.mark.parametrize("form", ["openai", "gemini"])
async def test_an_orphan_is_told_by_its_label_also_on_a_later_page(form: str) -> None:
    async with opened(form, BatchPlan()) as (service, _):
        first = await posted(service, 1)
        for _ in range(25):
            await posted(service, 1)
        found = [status async for status in service.listed()]
    assert len(found) == 26
    assert found[-1].batch_id == first.batch_id
    assert {status.label for status in found} == {"run-1"}


@pytest.mark.parametrize("form", ALL)
async def test_a_create_whose_reply_is_lost_leaves_a_batch_behind(form: str) -> None:
    async with opened(form, BatchPlan(modes=("lost_create",))) as (service, server):
        with pytest.raises(ConnectionFailed):
            await posted(service)
        found = [status async for status in service.listed()]
    assert len(found) == 1
    assert server.batches.posted.total() == 4


@pytest.mark.parametrize("form", OWN)
async def test_what_expired_is_told_apart_from_what_was_answered(form: str) -> None:
    async with opened(form, BatchPlan(modes=("expires",))) as (service, _):
        begun = await posted(service)
        results = await read(service, await ended(service, begun.batch_id))
    kinds = [type(line.result) for line in results]
    assert kinds.count(Reply) == 2
    assert kinds.count(BatchExpired) == 2


@pytest.mark.parametrize("form", OWN)
async def test_completed_without_a_file_of_output_has_an_error_for_every_line(form: str) -> None:
    async with opened(form, BatchPlan(modes=("all_failed",))) as (service, _):
        begun = await posted(service)
        results = await read(service, await ended(service, begun.batch_id))
    assert len(results) == 4
    outcomes = {line.result.outcome for line in results if isinstance(line.result, ModelError)}
    assert outcomes == {"error.provider_5xx"}
    assert "secret words" not in str([line.result for line in results])


@pytest.mark.parametrize("form", ["openai", "gemini"])
async def test_a_whole_that_is_refused_afterwards_has_no_results(form: str) -> None:
    async with opened(form, BatchPlan(modes=("not_batchable",))) as (service, _):
        begun = await posted(service)
        status = await ended(service, begun.batch_id)
    assert status.state == "refused"
    assert status.results == ()
    assert "secret" not in status.why


@pytest.mark.parametrize("form", OWN)
async def test_a_limit_on_enqueued_tokens_is_a_rate_limit_and_takes_nothing(form: str) -> None:
    async with opened(form, BatchPlan(modes=("enqueued_limit",))) as (service, server):
        with pytest.raises(RateLimited) as caught:
            await posted(service)
    assert caught.value.retry_after == 0.0
    assert server.batches.posted.total() == 0


@pytest.mark.parametrize("mode", ["short_download", "cut_download"])
@pytest.mark.parametrize("form", OWN)
async def test_a_download_that_is_cut_is_said_and_may_be_made_again(form: str, mode: str) -> None:
    async with opened(form, BatchPlan.model_validate({"modes": (mode,)})) as (service, _):
        begun = await posted(service, 9)
        status = await ended(service, begun.batch_id)
        with pytest.raises(ConnectionFailed):
            await read(service, status)
        assert len(await read(service, status)) == 9


@pytest.mark.parametrize("form", OWN)
async def test_a_second_download_may_be_refused_for_a_while(form: str) -> None:
    async with opened(form, BatchPlan(modes=("metered_download",))) as (service, _):
        begun = await posted(service)
        status = await ended(service, begun.batch_id)
        assert len(await read(service, status)) == 4
        with pytest.raises(RateLimited):
            await read(service, status)
        assert len(await read(service, status)) == 4


@pytest.mark.parametrize("form", ALL)
async def test_asking_how_far_a_batch_is_downloads_nothing(form: str) -> None:
    async with opened(form, BatchPlan()) as (service, server):
        begun = await posted(service)
        status = await ended(service, begun.batch_id)
        assert server.batches.downloads == 0
        await read(service, status)
    assert server.batches.downloads == len(status.results)


@pytest.mark.parametrize("form", OWN)
async def test_a_cancelled_batch_keeps_what_was_answered(form: str) -> None:
    async with opened(form, BatchPlan(polls=5)) as (service, _):
        begun = await posted(service)
        await service.cancel(begun.batch_id)
        results = await read(service, await ended(service, begun.batch_id))
    assert sum(isinstance(line.result, Reply) for line in results) == 2


@pytest.mark.parametrize("form", OWN)
async def test_tokens_from_a_cache_are_counted_as_part_of_the_prompt(form: str) -> None:
    async with opened(form, BatchPlan(cached_share=0.5)) as (service, _):
        begun = await posted(service, 1)
        (line,) = await read(service, await ended(service, begun.batch_id))
    assert isinstance(line.result, Reply)
    usage = line.result.usage
    assert usage.prompt_tokens is not None
    assert usage.cached_tokens == usage.prompt_tokens // 2


@pytest.mark.parametrize("form", OWN)
async def test_usage_that_is_missing_stays_unknown(form: str) -> None:
    async with opened(form, BatchPlan(modes=("no_usage",))) as (service, _):
        begun = await posted(service, 1)
        (line,) = await read(service, await ended(service, begun.batch_id))
    assert isinstance(line.result, Reply)
    assert line.result.usage.prompt_tokens is None


def test_a_provider_without_batches_is_refused_with_a_way_out() -> None:
    with pytest.raises(ConfigError, match="leave --batch out"):
        open_batches(Judge(model="cohere/command"), environ={})


def test_a_missing_key_is_refused_before_anything_is_posted() -> None:
    with pytest.raises(ConfigError, match="ANTHROPIC_API_KEY"):
        open_batches(Judge(model="anthropic/claude"), environ={})
