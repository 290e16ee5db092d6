"""Provider batches of the simulated server, in three forms, with the faults that batches have.

OpenAI's form stands below ``/v1/files`` and ``/v1/batches``, Anthropic's below
``/v1/messages/batches``, Gemini's below ``/v1beta``. A batch moves on each time it is asked about,
so that a test waits for nothing. Each mode is a fault that users of providers have reported.
"""

import json
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal, get_args
from urllib.parse import parse_qs

from pydantic import Field

from judge.records import Record
from judge.simulated.batch_forms import Line, Posted, anthropic_form, gemini_form, openai_form
from judge.simulated.faults import error_reply
from judge.simulated.http import HttpReply, HttpRequest
from judge.simulated.judge import SimulatedJudge
from judge.simulated.openai_protocol import as_json

Mode = Literal[
    "",
    "metered_download",
    "all_failed",
    "expires",
    "not_batchable",
    "lost_create",
    "no_usage",
    "enqueued_limit",
    "confused_ids",
    "short_download",
    "cut_download",
    "fails_once",
    "no_prefix_cache",
]
"""What is wrong with a batch.

================ ================================================================================
metered_download the second download of a file is refused with 429, once
all_failed       completed, without a file of output: every line is in the file of errors
expires          half of the lines expire
not_batchable    accepted, and refused as a whole afterwards
lost_create      taken, but the reply to the POST never comes: a billed orphan
no_usage         replies without usage, so their cost is not known
enqueued_limit   the POST is refused with 429, once
confused_ids     one name twice, one that nobody knows
short_download   the first download ends in the middle of a line, in good order
cut_download     the first download breaks off
fails_once       accepted, and failed as a whole for a reason that passes
no_prefix_cache  replies that report no cached tokens, where live replies do
================ ================================================================================
"""

MODES: tuple[str, ...] = get_args(Mode)
PAGE = 20
"""Batches on one page of the list."""


class BatchPlan(Record):
    """How the server treats batches."""

    polls: int = Field(default=2, ge=1)
    """How often a batch is asked about before it has ended."""
    modes: tuple[Mode, ...] = ("",)
    """Of the batches in the order of their POSTs; begun again at the end."""
    most_running: int | None = Field(default=None, ge=1)
    """More are refused with 429, as enqueued-token limits do."""
    cached_share: float = Field(default=0.0, ge=0, le=1)
    """Share of prompt tokens that replies report as read from a cache."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A reply that does not arrive whole; an empty one is none at all."""

    reply: HttpReply
    sent: int
    """Bytes of the body that are sent before the connection is dropped."""


@dataclass(slots=True)
class Batch:
    """One batch of the server."""

    batch_id: str
    form: Posted
    number: int
    mode: str
    polls: int = 0
    cancelled: bool = False
    created_at: float = 0.0
    asked: Counter[str] = field(default_factory=Counter[str])
    """How often each of its files was downloaded."""


class SimulatedBatches:
    """All batches of one server.

    Parameters
    ----------
    judge : SimulatedJudge
        Answers the lines.
    plan : BatchPlan
    now : callable
        Gives seconds since 1970.

    Attributes
    ----------
    posted : Counter
        How often each line was taken, by its name.
    """

    def __init__(self, judge: SimulatedJudge, plan: BatchPlan, now: Callable[[], float]) -> None:
        self.posted: Counter[str] = Counter()
        self.batches: dict[str, Batch] = {}
        self.downloads = 0
        self.refused = 0
        self._judge = judge
        self._plan = plan
        self._now = now
        self._files: dict[str, bytes] = {}
        self._creates = 0

    def reply(self, request: HttpRequest) -> HttpReply | Broken | None:
        """Answer a request, or give None where it is not about batches."""
        # Azure keeps OpenAI's form below another address.
        path = request.path.replace("/openai/", "/v1/", 1)
        if path.startswith("/v1/messages/batches"):
            return self._anthropic(request, path.removeprefix("/v1/messages/batches").strip("/"))
        if "/v1beta" in path:
            return self._gemini(request, path)
        if path.startswith(("/v1/files", "/v1/batches")):
            return self._openai(request, path.removeprefix("/v1/"))
        return None

    def summary(self) -> dict[str, object]:
        """Give the counts for ``GET /stats``."""
        return {
            "batches": len(self.batches),
            "lines": self.posted.total(),
            "twice": sum(n - 1 for n in self.posted.values()),
            "downloads": self.downloads,
            "refused": self.refused,
            "by_mode": dict(Counter(batch.mode for batch in self.batches.values())),
        }

    # OpenAI ------------------------------------------------------------------------------------

    def _openai(self, request: HttpRequest, path: str) -> HttpReply | Broken:
        kind, _, rest = path.partition("/")
        if kind == "files":
            return self._openai_file(request, rest)
        if not rest:
            return self._openai_batches(request)
        batch = self.batches.get(rest.partition("/")[0])
        if batch is None:
            return _not_found()
        if rest.endswith("/cancel"):
            batch.cancelled = True
        else:
            batch.polls += 1
        return _json(openai_form.batch(batch, self._state(batch)))

    def _openai_file(self, request: HttpRequest, rest: str) -> HttpReply | Broken:
        if request.method == "POST":
            name = f"file-{secrets.token_hex(8)}"
            self._files[name] = openai_form.uploaded(request)
            size, now = len(self._files[name]), int(self._now())
            shown = {"id": name, "object": "file", "purpose": "batch", "filename": "part.jsonl"}
            return _json({**shown, "bytes": size, "created_at": now, "status": "processed"})
        name = rest.removesuffix("/content")
        return self._download(name, openai_form.lines)

    def _openai_batches(self, request: HttpRequest) -> HttpReply | Broken:
        if request.method == "POST":
            wanted = json.loads(request.body)
            content = self._files.get(str(wanted.get("input_file_id")))
            if content is None:
                return error_reply(HTTPStatus.BAD_REQUEST, "no such file.")
            return self._create(openai_form.posted(content, wanted), openai_form.batch)
        page, more = self._page(_query(request, "after"))
        shown = [openai_form.batch(each, self._state(each)) for each in page]
        return _json({"object": "list", "data": shown, "has_more": more})

    # Anthropic ---------------------------------------------------------------------------------

    def _anthropic(self, request: HttpRequest, rest: str) -> HttpReply | Broken:
        if not rest and request.method == "POST":
            return self._create(anthropic_form.posted(request.body), anthropic_form.batch)
        if not rest:
            page, more = self._page(_query(request, "after_id"))
            shown = [anthropic_form.batch(each, self._state(each)) for each in page]
            return _json({"data": shown, "has_more": more})
        name, _, what = rest.partition("/")
        if what == "results":
            return self._download(f"{name}.output", anthropic_form.lines)
        batch = self.batches.get(name)
        if batch is None:
            return _not_found()
        if what == "cancel":
            batch.cancelled = True
        else:
            batch.polls += 1
        return _json(anthropic_form.batch(batch, self._state(batch)))

    # Gemini ------------------------------------------------------------------------------------

    def _gemini(self, request: HttpRequest, path: str) -> HttpReply | Broken:
        if path.startswith("/upload"):
            return self._gemini_upload(request)
        if path.startswith("/download"):
            name = path.removeprefix("/download/v1beta/files/").removesuffix(":download")
            return self._download(name, gemini_form.lines)
        if path.endswith(":batchGenerateContent"):
            wanted = json.loads(request.body)["batch"]
            content = self._files.get(str(wanted["input_config"].get("file_name")))
            if content is None:
                return error_reply(HTTPStatus.BAD_REQUEST, "no such file.")
            return self._create(gemini_form.posted(content, wanted, path), gemini_form.batch)
        return self._gemini_batch(request, path.removeprefix("/v1beta/batches").strip("/"))

    def _gemini_batch(self, request: HttpRequest, name: str) -> HttpReply | Broken:
        if not name:
            page, more = self._page(_query(request, "pageToken"))
            shown = [gemini_form.batch(each, self._state(each)) for each in page]
            token = {"nextPageToken": page[-1].batch_id} if more else {}
            return _json({"operations": shown, **token})
        batch = self.batches.get(f"batches/{name.removesuffix(':cancel')}")
        if batch is None:
            return _not_found()
        if name.endswith(":cancel"):
            batch.cancelled = True
            return _json({})
        batch.polls += 1
        return _json(gemini_form.batch(batch, self._state(batch)))

    def _gemini_upload(self, request: HttpRequest) -> HttpReply:
        if request.headers.get("x-goog-upload-command") == "start":
            place = f"http://{request.headers.get('host', '127.0.0.1')}/upload/v1beta/files?id=1"
            return HttpReply(HTTPStatus.OK, b"{}", headers=(("X-Goog-Upload-URL", place),))
        name = f"files/{secrets.token_hex(8)}"
        self._files[name] = request.body
        return _json({"file": {"name": name}})

    # What the forms share ----------------------------------------------------------------------

    def _create(
        self, posted: Posted, show: Callable[[Batch, str], Mapping[str, object]]
    ) -> HttpReply | Broken:
        mode = self._plan.modes[self._creates % len(self._plan.modes)]
        self._creates += 1
        running = sum(self._state(each) == "running" for each in self.batches.values())
        full = self._plan.most_running is not None and running >= self._plan.most_running
        if mode == "enqueued_limit" or full:
            self.refused += 1
            reply = error_reply(HTTPStatus.TOO_MANY_REQUESTS, "enqueued token limit reached.")
            return HttpReply(reply.status, reply.body, headers=(("Retry-After", "0"),))
        prefix = {"gemini": "batches/", "anthropic": "msgbatch_"}.get(posted.kind, "batch_")
        batch = Batch(
            f"{prefix}{secrets.token_hex(8)}",
            posted,
            len(self.batches),
            mode,
            created_at=self._now(),
        )
        self.batches[batch.batch_id] = batch
        self.posted.update(line.custom_id for line in posted.lines)
        shown = _json(show(batch, "running"))
        return Broken(shown, 0) if mode == "lost_create" else shown

    def _page(self, after: str) -> tuple[list[Batch], bool]:
        """Give the batches after one, latest first."""
        listed = sorted(self.batches.values(), key=lambda each: -each.number)
        names = [each.batch_id for each in listed]
        start = names.index(after) + 1 if after in names else 0
        return listed[start : start + PAGE], start + PAGE < len(listed)

    def _state(self, batch: Batch) -> str:
        """Give running, completed, expired, cancelled or failed."""
        if batch.cancelled:
            return "cancelled"
        if batch.polls < self._plan.polls:
            return "running"
        if batch.mode in {"not_batchable", "fails_once"}:
            return "failed"
        return "expired" if batch.mode == "expires" else "completed"

    def _download(self, name: str, write: Callable[[Iterable[Line]], bytes]) -> HttpReply | Broken:
        batch_id, _, kind = name.rpartition(".")
        batch = self.batches.get(batch_id) or self.batches.get(f"batches/{batch_id}")
        if batch is None:
            return _not_found()
        self.downloads += 1
        batch.asked[kind] += 1
        if batch.mode == "metered_download" and batch.asked[kind] == 2:
            reply = error_reply(HTTPStatus.TOO_MANY_REQUESTS, "too many downloads.")
            return HttpReply(reply.status, reply.body, headers=(("Retry-After", "0"),))
        content = write(self._answered(batch, kind))
        whole = HttpReply(HTTPStatus.OK, content, content_type="application/jsonl")
        first = batch.asked[kind] == 1
        if first and batch.mode == "short_download":
            return HttpReply(HTTPStatus.OK, content[: max(1, len(content) * 2 // 3)])
        if first and batch.mode == "cut_download":
            return Broken(whole, len(content) // 2)
        return whole

    def _answered(self, batch: Batch, kind: str) -> Iterator[Line]:
        """Answer the lines of a batch: those with a reply, or those without one."""
        lines = batch.form.lines
        late = batch.cancelled or batch.mode == "expires"
        reached = lines[: len(lines) // 2] if late else lines
        failed = batch.mode == "all_failed"
        separate = batch.form.kind == "openai"
        if kind == "output" or not separate:
            for line in reached[: 0 if failed and separate else None]:
                yield line.failed(500, "server_error") if failed else self._answer(batch, line)
        if kind == "error" or not separate:
            for line in reached if failed and separate else ():
                yield line.failed(500, "server_error")
            for line in lines[len(reached) :]:
                yield line.expired()
        if batch.mode == "confused_ids" and kind == "output" and reached:
            yield self._answer(batch, reached[0])
            yield self._answer(batch, reached[0].named("f" * 64))

    def _answer(self, batch: Batch, line: Line) -> Line:
        cached = 0.0 if batch.mode == "no_prefix_cache" else self._plan.cached_share
        usage = batch.mode != "no_usage"
        return line.answered(self._judge, cached_share=cached, usage=usage)


def _query(request: HttpRequest, name: str) -> str:
    return (parse_qs(request.query).get(name) or [""])[0]


def _json(value: Mapping[str, Any]) -> HttpReply:
    return HttpReply(HTTPStatus.OK, as_json(value))


def _not_found() -> HttpReply:
    return error_reply(HTTPStatus.NOT_FOUND, "no such batch or file.")
