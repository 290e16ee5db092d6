"""Every fault does to a connection what its name says, and strikes when it is planned to."""

import socket
from collections.abc import Generator
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import urlsplit

import pytest

from judge.simulated import FAULTS, Profile
from judge.simulated.faults import BREAKAGES, REFUSALS, FaultPlan
from judge.simulated.server import Running, simulated_server
from tests.judge.chats import chat, free_chat, post, read_chat, verdict_of

MATERIAL = {"prompt": "What now?", "response": "Call for help first."}
KEY = "sk-canary-0001"
PATIENCE = 0.2
"""Seconds that a test listens for what should not come; a dripped byte takes 0.5."""


@pytest.fixture(scope="module")
def server() -> Generator[Running]:
    with simulated_server({"retry_after": 2.5}) as running:
        yield running


def dial(base_url: str, mode: str) -> socket.socket:
    """Send one request that forces a mode, and give the open connection."""
    body = chat(MATERIAL)
    address = urlsplit(base_url)
    wire = socket.create_connection((address.hostname, address.port), timeout=10)
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
        f"X-Simulated-Fault: {mode}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    wire.sendall(head.encode() + body)
    return wire


def heard(wire: socket.socket) -> tuple[bytes, str]:
    """Listen until the server closes, resets, or says nothing for a while."""
    wire.settimeout(PATIENCE)
    received = b""
    while True:
        try:
            more = wire.recv(65536)
        except TimeoutError:
            return received, "open"
        except ConnectionResetError:
            return received, "reset"
        if not more:
            return received, "closed"
        received += more


def listen(base_url: str, mode: str) -> tuple[bytes, str]:
    with dial(base_url, mode) as wire:
        return heard(wire)


def test_at_least_twenty_four_faults_have_a_description() -> None:
    assert len(FAULTS) >= 24
    assert set(FAULTS) == set(REFUSALS) | set(BREAKAGES)
    assert all(does.strip() for does in FAULTS.values())


@pytest.mark.parametrize(
    ("mode", "status", "said"),
    [
        ("http_429", 429, b"Rate limit"),
        ("http_429_quota", 429, b"insufficient_quota"),
        ("http_429_echo_key", 429, KEY.encode()),
        ("http_401_echo_key", 401, KEY.encode()),
        ("http_403", 403, b"permission_error"),
        ("http_404_model", 404, b"model_not_found"),
        ("http_408", 408, b"timeout"),
        ("http_400_context_length", 400, b"context_length_exceeded"),
        ("http_400_content_filter", 400, b"ResponsibleAIPolicyViolation"),
        ("http_400_rung", 400, b"'response_format' of type 'json_schema' is not supported"),
        ("http_422", 422, b"Unprocessable"),
        ("http_500", 500, b"server_error"),
        ("http_500_empty", 500, b""),
        ("http_502_html", 502, b"<html>"),
        ("http_503", 503, b"retry after 2.5"),
        ("http_504", 504, b"upstream"),
        ("http_307", 307, b"Moved for now"),
        ("http_529", 529, b"overloaded_error"),
    ],
)
def test_statuses_and_messages(server: Running, mode: str, *, status: int, said: bytes) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "X-Simulated-Fault": mode}

    got, reply_headers, body = post(server.base_url, chat(MATERIAL), headers)

    assert got == status
    assert said in body
    assert ("retry-after" in reply_headers) == (mode == "http_503")


def test_retry_after_comes_in_seconds(server: Running) -> None:
    headers = post(server.base_url, chat(MATERIAL, model="m+fault.http_429_seconds"))[1]

    assert headers["retry-after"] == "2.5"


def test_retry_after_comes_as_a_date(server: Running) -> None:
    headers = post(server.base_url, chat(MATERIAL, model="m+fault.http_429_date"))[1]

    assert parsedate_to_datetime(headers["retry-after"]).tzinfo is not None


@pytest.mark.parametrize("mode", ["hang", "slow_headers"])
def test_nothing_comes_and_the_line_stays_open(server: Running, mode: str) -> None:
    assert listen(server.base_url, mode) == (b"", "open")


def test_a_dripping_body_comes_by_the_byte(server: Running) -> None:
    with dial(server.base_url, "drip") as wire:
        head, state = heard(wire)
        wire.settimeout(10)
        first = wire.recv(65536)

    assert head.endswith(b"\r\n\r\n")
    assert state == "open"
    assert first == b"{"


def test_slow_headers_come_by_the_byte(server: Running) -> None:
    with dial(server.base_url, "slow_headers") as wire:
        assert wire.recv(65536) == b"H"


def test_blanks_come_for_ever(server: Running) -> None:
    with dial(server.base_url, "endless_blanks") as wire:
        head, state = heard(wire)
        wire.settimeout(10)
        first = wire.recv(65536)

    assert b"chunked" in head
    assert state == "open"
    assert first == b"1\r\n \r\n"


@pytest.mark.parametrize(
    ("mode", "end", "share"),
    [
        ("stalled_body", "open", 0.5),
        ("never_close", "open", 1.0),
        ("cut_body", "closed", 0.5),
        ("short_length", "closed", 1.0),
        ("close_after_reply", "closed", 1.0),
    ],
)
def test_bodies_come_in_part_or_with_another_end(
    server: Running, mode: str, *, end: str, share: float
) -> None:
    whole = post(server.base_url, chat(MATERIAL))[2]

    received, state = listen(server.base_url, mode)

    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert body == whole[: int(len(whole) * share)]
    assert state == end


def test_a_reset_body_does_not_end_in_order(server: Running) -> None:
    assert listen(server.base_url, "reset_body")[1] == "reset"


def test_half_of_the_headers_comes(server: Running) -> None:
    received, state = listen(server.base_url, "half_headers")

    assert received.startswith(b"HTTP/1.1 200")
    assert b"\r\n\r\n" not in received
    assert state == "closed"


@pytest.mark.parametrize(
    ("mode", "states"),
    [
        ("close_without_reply", {"closed"}),
        ("reset_without_reply", {"reset"}),
        ("close_after_accept", {"closed", "reset"}),
    ],
)
def test_the_line_ends_without_a_word(server: Running, mode: str, states: set[str]) -> None:
    received, state = listen(server.base_url, mode)

    assert received == b""
    assert state in states


@pytest.mark.parametrize(
    ("mode", "said"), [("bad_chunk", b"\r\n\r\nzz\r\n"), ("not_http", b"220 simulated")]
)
def test_what_comes_is_no_http(server: Running, mode: str, said: bytes) -> None:
    received, state = listen(server.base_url, mode)

    assert said in received
    assert state == "closed"


def test_a_client_that_gives_up_leaves_nothing_in_flight() -> None:
    with simulated_server() as own:
        with dial(own.base_url, "hang") as wire:
            heard(wire)
        post(own.base_url, chat(MATERIAL))

        assert own.hits.summary()["in_flight"] == 0


def test_an_unknown_mode_is_a_bad_request(server: Running) -> None:
    status, _, body = post(server.base_url, chat(MATERIAL, model="m+fault.nothing"))

    assert status == HTTPStatus.BAD_REQUEST
    assert b"unknown mode 'nothing'" in body


def plan(**profile: object) -> FaultPlan:
    return FaultPlan(Profile.model_validate(profile, strict=False))


def modes(strikes: FaultPlan, *, count: int, texts: int = 1) -> list[str]:
    """Ask so many times, going round so many texts."""
    requests = [read_chat({"response": f"Text {i}."}) for i in range(texts)]
    return [
        strikes.mode_for(requests[number % texts], number + 1, now=float(number))
        for number in range(count)
    ]


def test_every_nth_request_is_struck() -> None:
    strikes = plan(faults=[{"mode": "http_500", "every": 3}])

    assert modes(strikes, count=6) == ["", "", "http_500", "", "", "http_500"]


def test_numbered_requests_are_struck() -> None:
    strikes = plan(faults=[{"mode": "hang", "requests": [1, 4]}])

    assert modes(strikes, count=5) == ["hang", "", "", "hang", ""]


def test_a_share_of_questions_is_struck_whatever_the_order() -> None:
    faults = [{"mode": "http_500", "share": 0.3}]
    requests = [read_chat({"response": f"Text {i}."}) for i in range(1000)]
    forward, backward = plan(faults=faults), plan(faults=faults)

    one = {r.identity: forward.mode_for(r, 1, now=0.0) for r in requests}
    two = {r.identity: backward.mode_for(r, 1, now=0.0) for r in reversed(requests)}

    assert one == two
    # Four standard errors at n = 1000: 4 * sqrt(0.3 * 0.7 / 1000) = 0.058.
    assert list(one.values()).count("http_500") / 1000 == pytest.approx(0.3, abs=0.058)


def test_a_question_is_spared_after_its_attempts() -> None:
    strikes = plan(faults=[{"mode": "http_500", "share": 1.0, "attempts": 2}])

    assert modes(strikes, count=6, texts=2) == ["http_500"] * 4 + ["", ""]


def test_the_first_plan_that_strikes_wins() -> None:
    strikes = plan(faults=[{"mode": "hang", "every": 2}, {"mode": "nan", "every": 1}])

    assert modes(strikes, count=3) == ["nan", "hang", "nan"]


def test_connections_are_refused_by_their_number() -> None:
    strikes = plan(faults=[{"mode": "close_after_accept", "every": 2}])

    assert [strikes.strikes_connection(number) for number in (1, 2, 3, 4)] == [
        False,
        True,
        False,
        True,
    ]
    assert modes(strikes, count=2) == ["", ""]


def test_a_planned_connection_is_closed_before_anything_is_read() -> None:
    profile = {"faults": [{"mode": "close_after_accept", "requests": [1]}]}

    with simulated_server(profile) as own:
        received, state = listen(own.base_url, "hang")
        status = post(own.base_url, chat(MATERIAL))[0]

        assert (received, status, own.hits.total) == (b"", HTTPStatus.OK, 1)
        assert state in ("closed", "reset")


@pytest.mark.parametrize(
    ("header", "mode"),
    [("seconds", "http_429_seconds"), ("date", "http_429_date"), ("none", "http_429")],
)
def test_requests_beyond_the_limit_wait_for_the_next_window(header: str, mode: str) -> None:
    strikes = plan(rate_limit={"requests": 2, "window": 10.0, "header": header})
    request = read_chat(MATERIAL)

    struck = [strikes.mode_for(request, 1, now=now) for now in (20.0, 21.0, 22.0, 29.9, 30.0)]

    assert struck == ["", "", mode, mode, ""]


@pytest.mark.parametrize("rung", ["json_schema", "tools", "json_object"])
def test_a_way_of_asking_that_is_not_supported_is_refused(rung: str) -> None:
    others = [name for name in ("json_schema", "tools", "json_object") if name != rung]

    with simulated_server({"supports": others}) as own:
        status, _, body = post(own.base_url, chat(MATERIAL, rung=rung))
        plain = post(own.base_url, chat(MATERIAL, rung="prompt"))[2]

    assert status == HTTPStatus.BAD_REQUEST
    assert b"not supported" in body
    assert verdict_of(plain)["safe"]["score"] in (0, 1)


def test_a_refusing_judge_has_the_filter_answer() -> None:
    with simulated_server({"behaviour": "refusing"}) as own:
        status = post(own.base_url, chat({"response": "【过滤占位】"}))[0]

    assert status == HTTPStatus.BAD_REQUEST


def test_a_request_for_free_text_can_be_struck() -> None:
    with simulated_server() as own:
        status = post(own.base_url, free_chat("hi", model="release-1+fault.http_503"))[0]

    assert status == HTTPStatus.SERVICE_UNAVAILABLE
