"""Batches in OpenAI's form: a file of chat completions, posted, polled and read back.

OpenAI itself, DashScope, Moonshot, and gateways such as litellm's proxy. Facts of November 2026:
50,000 lines and 200 MB for each batch (DashScope 100 MB in one of its pages), 24 hours; results in
two files, of which either may be missing; states as in openai's `types/batch.py`.
"""

import io
import json
from collections.abc import AsyncGenerator, Mapping, Sequence

import aiohttp

from judge.errors import BatchExpired, ConnectionFailed, ModelError, RequestRejected
from judge.models.base import NO_KEY, OPENAI_ITSELF, Question, Reply, key_of, netloc_of, prefix_of
from judge.models.batch import BatchLimits, BatchStatus, LineResult, State
from judge.models.batch.http import (
    UPLOAD,
    BatchHttp,
    Object,
    code,
    line_object,
    member,
    object_of,
    objects_of,
)
from judge.models.http_errors import fault_of
from judge.models.openai_compatible import RequestWriter, read_completion
from judge.records import ModelSettings, Rung

ADDRESSES: Mapping[str, str] = {
    "openai": OPENAI_ITSELF,
    "dashscope": "https://dashscope.aliyuncs.com/compatible-mode/v1",
    "moonshot": "https://api.moonshot.cn/v1",
}
"""Where batches are posted for a prefix without a base URL."""

KEYS: Mapping[str, str] = {"dashscope": "DASHSCOPE_API_KEY", "moonshot": "MOONSHOT_API_KEY"}
"""Variables that hold the key of a prefix, where the judge names none."""

ENDPOINT = "/v1/chat/completions"

STATES: Mapping[str, State] = {
    "failed": "refused",
    "completed": "ended",
    "expired": "ended",
    "cancelled": "ended",
}
"""States that are final; every other one, known or not, is on its way to one of these."""

LABEL = "cvalues_part"
"""Name of our label among the metadata."""

MEGABYTE = 1_000_000


class OpenAIBatches:
    """The batches of one account that speaks OpenAI's form.

    Parameters
    ----------
    model : ModelSettings
    environ : mapping of str to str
        Where the key is read.

    Raises
    ------
    ConfigError
        If the key's variable is not set, or the address is none.
    """

    rungs: tuple[Rung, ...] = ("json_schema", "tools", "json_object", "prompt")
    labelled = True

    def __init__(self, model: ModelSettings, environ: Mapping[str, str]) -> None:
        prefix = prefix_of(model)
        base = model.base_url or ADDRESSES[prefix]
        self.provider = netloc_of(base)
        self.limits = BatchLimits(
            lines=50_000, bytes=(100 if prefix == "dashscope" else 200) * MEGABYTE
        )
        key = key_of(model, environ) or environ.get(KEYS.get(prefix, ""), "").strip() or NO_KEY
        self._requests = RequestWriter(model.model.removeprefix(f"{prefix}/"))
        self._http = BatchHttp(base, {"Authorization": f"Bearer {key}"})

    def encode(self, custom_id: str, question: Question) -> bytes:
        """Write one line."""
        return b'{"custom_id": "%b", "method": "POST", "url": "%b", "body": %b}' % (
            custom_id.encode(),
            ENDPOINT.encode(),
            self._requests.write(question),
        )

    async def upload(self, lines: Sequence[bytes], *, label: str) -> str | None:
        """Upload the lines as a file."""
        form = aiohttp.FormData()
        form.add_field("purpose", "batch")
        file = io.BytesIO(b"\n".join([*lines, b""]))
        form.add_field("file", file, filename=f"{label}.jsonl", content_type="application/jsonl")
        reply, _ = await self._http.call("POST", "/files", data=form, deadline=UPLOAD)
        return str(reply.get("id") or _unread())

    async def create(
        self, upload: str | None, lines: Sequence[bytes], *, label: str
    ) -> BatchStatus:
        """Begin a batch with a file that was uploaded."""
        del lines
        body = {
            "input_file_id": upload,
            "endpoint": ENDPOINT,
            "completion_window": "24h",
            "metadata": {LABEL: label},
        }
        return status_of(await self._post("/batches", body))

    async def listed(self) -> AsyncGenerator[BatchStatus]:
        """Stream the account's batches, latest first."""
        query = {"limit": "100"}
        while True:
            page, _ = await self._http.call("GET", "/batches", query=query)
            found = objects_of(page.get("data"))
            for each in found:
                yield status_of(each)
            if not page.get("has_more") or not found:
                return
            query["after"] = str(found[-1]["id"])

    async def poll(self, batch_id: str) -> BatchStatus:
        """Ask how far a batch is."""
        reply, _ = await self._http.call("GET", f"/batches/{batch_id}")
        return status_of(reply)

    async def results(self, status: BatchStatus) -> AsyncGenerator[LineResult]:
        """Stream the lines of both files of results."""
        for file in status.results:
            async for line in self._http.lines(f"/files/{file}/content"):
                yield read_line(line_object(line), status.rung)

    async def cancel(self, batch_id: str) -> None:
        """Ask for an end."""
        await self._post(f"/batches/{batch_id}/cancel", {})

    async def _post(self, path: str, body: Mapping[str, object]) -> Object:
        data = json.dumps(body).encode()
        json_type = {"Content-Type": "application/json"}
        reply, _ = await self._http.call("POST", path, data=data, headers=json_type)
        return reply

    async def close(self) -> None:
        """Release the connections."""
        await self._http.close()


def _unread() -> str:
    raise ConnectionFailed("the reply names no file or batch")


def status_of(batch: Object) -> BatchStatus:
    """Read OpenAI's form of a batch.

    Raises
    ------
    ConnectionFailed
        If it names no batch.
    """
    state = str(batch.get("status"))
    counts = object_of(batch.get("request_counts"))
    problems = objects_of(member(batch, "errors", "data"))
    files = (batch.get("output_file_id"), batch.get("error_file_id"))
    done = (counts.get("completed") or 0) + (counts.get("failed") or 0)
    return BatchStatus(
        batch_id=str(batch.get("id") or _unread()),
        state=STATES.get(state, "running"),
        provider_state=code(state),
        label=member(batch, "metadata", LABEL),
        created_at=_seconds(batch.get("created_at")),
        expires_at=_seconds(batch.get("expires_at")),
        done=done if counts else None,
        total=counts.get("total"),
        results=tuple(str(file) for file in files if file),
        why=code(member(problems[0], "code")) if problems else "",
    )


def _seconds(moment: object) -> float | None:
    return float(moment) if isinstance(moment, int | float) else None


def read_line(line: Object, rung: Rung = "json_schema") -> LineResult:
    """Read one line of OpenAI's form of results, which vLLM's ``run-batch`` writes, too.

    A tool call is taken for the reply only where the line had offered its one tool.
    """
    return LineResult(str(line.get("custom_id")), _result(line, rung))


def _result(line: Object, rung: Rung) -> Reply | ModelError:
    status = member(line, "response", "status_code")
    body = member(line, "response", "body")
    if status is None or (line.get("error") and not isinstance(status, int)):
        problem = code(member(line, "error", "code"))
        if problem in {"batch_expired", "batch_cancelled", "batch_canceled"}:
            return BatchExpired(f"the batch ended before this line ({problem})")
        return RequestRejected(f"the provider answered this line with {problem or 'nothing'}")
    text = json.dumps(body, ensure_ascii=False)
    if int(status) >= 300:
        return fault_of(int(status), text, rung="json_schema", retry_after=None)
    try:
        reply = read_completion(text.encode("utf-8", "replace"))
    except ModelError as error:
        return error
    return reply if rung != "tools" or reply.tool_calls != 1 else _called(reply, body)


def _called(reply: Reply, body: object) -> Reply:
    """Take the arguments of the one tool call for the reply's text."""
    called = objects_of(member(body, "choices"))[:1]
    calls = objects_of(member(called[0], "message", "tool_calls")) if called else ()
    arguments = member(calls[0], "function", "arguments") if calls else None
    words = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return reply.model_copy(update={"text": words})
