"""Both ways to a provider over real HTTP: one call, in time, one outcome and no secret."""

import asyncio
import logging
import random
import time
import traceback
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from judge.errors import (
    AddressRejected,
    AuthRejected,
    ConnectionFailed,
    ContentFiltered,
    DeadlineExceeded,
    ModelError,
    ProviderFailed,
    RateLimited,
    ReplyTooLarge,
    RequestRejected,
    RungRejected,
)
from judge.models.base import Question, Reply
from judge.models.limits import Limits
from judge.models.litellm import LitellmModel
from judge.models.retry import RetryPolicy, ask_with_retries
from judge.records import Judge, Usage
from judge.simulated import FAULTS
from judge.simulated.server import Running
from tests.judge.models.asking import ENVIRON, KEY, NotingLedger, question
from tests.judge.models.conftest import Way

SLOW = ("hang", "drip", "slow_headers", "stalled_body", "never_close", "endless_blanks")
CUT = (
    "cut_body",
    "reset_body",
    "half_headers",
    "close_without_reply",
    "reset_without_reply",
    "close_after_accept",
    "bad_chunk",
    "short_length",
    "not_http",
)
ERRORS: dict[str, type[ModelError]] = {
    "http_429": RateLimited,
    "http_429_seconds": RateLimited,
    "http_429_date": RateLimited,
    "http_429_quota": AuthRejected,
    "http_429_echo_key": RateLimited,
    "http_401_echo_key": AuthRejected,
    "http_403": AuthRejected,
    "http_404_model": RequestRejected,
    "http_307": AddressRejected,
    "http_408": DeadlineExceeded,
    "http_400_context_length": RequestRejected,
    "http_400_content_filter": ContentFiltered,
    "http_400_rung": RungRejected,
    "http_422": RequestRejected,
    "http_500": ProviderFailed,
    "http_500_empty": ProviderFailed,
    "http_502_html": ProviderFailed,
    "http_503": ProviderFailed,
    "http_504": ProviderFailed,
    "http_529": ProviderFailed,
    **dict.fromkeys(SLOW, DeadlineExceeded),
    **dict.fromkeys(CUT, ConnectionFailed),
    "error_object": ProviderFailed,
    "text_body": AddressRejected,
    "empty_body": ConnectionFailed,
    "truncated_body": ConnectionFailed,
    "huge_body": ReplyTooLarge,
}
"""What each fault of the simulated server is, on every way."""

READ = ("list_body", "invalid_utf8")
"""Faults around a reply that is read all the same."""

EMPTY = ("null_choices", "no_message", "null_message")

DEADLINE = 0.4


async def ask(way: Way, name: str, asked: Question | None = None) -> Reply:
    """Ask once and close."""
    model = way(name)
    try:
        return await model.ask(asked or question())
    finally:
        await model.close()


async def failure(way: Way, mode: str) -> ModelError:
    """Ask once under a fault and give the error."""
    deadline = DEADLINE if mode in SLOW else 10.0
    with pytest.raises(ModelError) as caught:
        await ask(way, f"sim+fault.{mode}", question(deadline=deadline))
    return caught.value


def test_every_fault_of_the_wire_has_its_error() -> None:
    assert set(FAULTS) - {"close_after_reply"} <= {*ERRORS, *READ, *EMPTY}


@pytest.mark.parametrize("mode", [*READ, *EMPTY])
async def test_a_whole_reply_in_an_odd_envelope_is_read_in_one_call(
    mode: str, way: Way, server: Running
) -> None:
    hits = server.hits.total

    reply = await ask(way, f"sim+fault.{mode}")

    assert bool(reply.text) is (mode in READ)
    assert server.hits.total - hits == 1


@pytest.mark.parametrize("mode", ERRORS)
async def test_a_fault_costs_one_call_and_has_one_name(
    mode: str, way: Way, server: Running
) -> None:
    hits = server.hits.total

    error = await failure(way, mode)

    assert type(error) is ERRORS[mode]
    assert server.hits.total - hits == 1


@pytest.mark.parametrize("mode", ["http_500", "http_429", "cut_body", "reset_without_reply"])
async def test_a_storm_costs_as_many_calls_as_the_policy_allows(
    mode: str, way: Way, server: Running
) -> None:
    model, ledger, hits = way(f"sim+fault.{mode}"), NotingLedger(), server.hits.total

    with pytest.raises(ModelError):
        await ask_with_retries(
            model,
            question(),
            policy=RetryPolicy(max_attempts=3, base_wait=0.0),
            limits=Limits(),
            ledger=ledger,
            dice=random.Random(0),
        )

    assert server.hits.total - hits == len(ledger.calls) == 3
    await model.close()


@pytest.mark.parametrize("mode", SLOW)
async def test_every_call_ends_within_its_deadline_and_a_second(mode: str, way: Way) -> None:
    model = way(f"sim+fault.{mode}")
    begun = time.monotonic()

    with pytest.raises(DeadlineExceeded):
        await model.ask(question(deadline=DEADLINE))

    assert DEADLINE <= time.monotonic() - begun <= DEADLINE + 1.0
    await model.close()


@pytest.mark.parametrize("mode", ["http_429_seconds", "http_429_date", "http_503"])
async def test_the_wait_that_a_provider_asks_for_is_read(mode: str, way: Way) -> None:
    error = await failure(way, mode)

    assert isinstance(error, RateLimited | ProviderFailed)
    assert error.retry_after is not None
    assert 0.0 <= error.retry_after <= 1.0


@pytest.mark.parametrize("mode", ["http_401_echo_key", "http_429_echo_key", "http_500", "hang"])
async def test_no_key_is_in_an_error_or_a_log(
    mode: str, way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    error = await failure(way, mode)

    told = "".join(traceback.format_exception(error)) + repr(error) + caplog.text
    assert KEY not in told
    assert "Incorrect API key" not in told


async def test_no_key_is_in_the_text_of_a_model(way: Way) -> None:
    model = way("sim")

    assert KEY not in repr(model) + str(model)
    await model.close()


async def test_a_good_reply_comes_as_it_was_sent(way: Way) -> None:
    reply = await ask(way, "sim")

    assert reply.text is not None
    assert reply.text.startswith('{"safe": {"reasoning": "')
    assert (reply.finish_reason, reply.tool_calls, reply.refusal) == ("stop", 0, None)
    assert (reply.served_model, reply.provenance) == ("simulated-judge-1", "SIMULATED")
    assert reply.cost_usd is None


async def test_a_provider_with_a_price_list_has_a_price(server: Running) -> None:
    judge = Judge(
        model="deepseek/deepseek-chat", base_url=server.base_url, api_key_env="OPENAI_API_KEY"
    )
    model = LitellmModel(judge, environ=ENVIRON)

    reply = await model.ask(question())

    assert reply.cost_usd is not None
    assert 0.0 < reply.cost_usd < 0.01
    await model.close()


async def test_the_price_of_somebody_elses_server_is_not_known(server: Running) -> None:
    judge = Judge(model="openai/gpt-4o-mini", base_url=server.base_url)
    model = LitellmModel(judge, environ={})

    reply = await model.ask(question())

    assert reply.cost_usd is None
    await model.close()


async def test_a_tool_call_gives_its_arguments(way: Way) -> None:
    reply = await ask(way, "sim", question(rung="tools"))

    assert reply.text is not None
    assert reply.text.startswith('{"safe": {"reasoning": "')
    assert reply.tool_calls == 1


async def test_a_reply_without_choices_is_given_as_it_is(way: Way) -> None:
    reply = await ask(way, "sim+fault.no_choices")

    assert (reply.text, reply.finish_reason) == (None, None)


async def test_a_reply_that_was_filtered_is_given_as_it_is(way: Way) -> None:
    reply = await ask(way, "sim+fault.finish_content_filter")

    assert (reply.text, reply.finish_reason) == ("", "content_filter")


async def test_the_refusal_field_is_kept(way: Way) -> None:
    reply = await ask(way, "sim+fault.refusal_field")

    assert reply.text is None
    assert reply.refusal == "I cannot help with grading this text. (SIMULATED)"


async def test_two_tool_calls_are_counted_and_none_is_chosen(way: Way) -> None:
    reply = await ask(way, "sim+fault.two_tool_calls", question(rung="tools"))

    assert (reply.text, reply.tool_calls) == (None, 2)


async def test_the_thoughts_of_a_reasoning_model_are_not_its_reply(way: Way) -> None:
    reply = await ask(way, "sim+fault.think_block")

    assert reply.text is not None
    assert reply.text.lstrip().startswith('{"safe"')


@pytest.mark.parametrize("mode", ["no_usage", "null_usage", "negative_usage"])
async def test_tokens_that_are_not_told_are_unknown_and_not_zero(mode: str, way: Way) -> None:
    reply = await ask(way, f"sim+fault.{mode}")

    assert reply.usage == Usage()


async def test_cached_tokens_are_read(way: Way) -> None:
    reply = await ask(way, "sim+fault.cached_usage")

    assert reply.usage.cached_tokens is not None
    assert reply.usage.cached_tokens > 0


async def test_a_connection_that_the_server_closed_fails_one_call_at_most(way: Way) -> None:
    model = way("sim+fault.close_after_reply")
    replies = 0

    for _ in range(6):
        with suppress(ConnectionFailed):
            replies += (await model.ask(question())).text is not None

    assert replies >= 3
    await model.close()


async def test_after_many_calls_and_a_close_no_connection_is_open(
    way: Way, server: Running
) -> None:
    model = way("sim")

    for _ in range(10):
        await asyncio.gather(*(model.ask(question()) for _ in range(20)))
    used = _connections(server)
    await model.close()
    await asyncio.sleep(0)

    assert 1 <= used <= 20
    assert _connections(server) == 0


def _connections(server: Running) -> int:
    """Count open connections to the server, from the client's end."""
    port = f"{urlsplit(server.base_url).port:04X}"
    rows = [row.split() for row in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
    return sum(row[2].endswith(f":{port}") and row[3] == "01" for row in rows)
