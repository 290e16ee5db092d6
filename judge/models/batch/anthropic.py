"""Anthropic's message batches: requests in the POST itself, results by address.

Facts of November 2026: 100,000 requests and 256 MB for each batch, 24 hours, counts that stay zero
until the end, results in any order. A batch has no room for a label, so an orphan can only be told
by the names of its lines, once it has ended.
"""

import io
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime

from judge.errors import (
    BatchExpired,
    ConfigError,
    ConnectionFailed,
    ModelError,
    ProviderFailed,
    RateLimited,
    RequestRejected,
)
from judge.models.base import Question, Reply, key_of, netloc_of, provenance_of
from judge.models.batch import BatchLimits, BatchStatus, LineResult
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
from judge.models.chat_completion import counted_usage
from judge.records import ModelSettings, Rung

ITSELF = "https://api.anthropic.com"
VERSION = "2023-06-01"
MEGABYTE = 1_000_000

FINISH: Mapping[str, str] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "refusal": "refusal",
}
"""Their reasons to stop in OpenAI's words, which the reading of replies knows."""

FAULTS: Mapping[str, type[ModelError]] = {
    "rate_limit_error": RateLimited,
    "overloaded_error": ProviderFailed,
    "api_error": ProviderFailed,
    "timeout_error": ProviderFailed,
}
"""What a line's error means; all others are refusals of the request itself."""


class AnthropicBatches:
    """The message batches of one account.

    Parameters
    ----------
    model : ModelSettings
    environ : mapping of str to str
        Where the key is read.

    Raises
    ------
    ConfigError
        If no key is set.
    """

    rungs: tuple[Rung, ...] = ("tools", "prompt")
    labelled = False
    limits = BatchLimits(lines=100_000, bytes=256 * MEGABYTE)

    def __init__(self, model: ModelSettings, environ: Mapping[str, str]) -> None:
        key = key_of(model, environ) or environ.get("ANTHROPIC_API_KEY", "").strip()
        if not key:
            raise ConfigError(f"{model.model} needs a key: export ANTHROPIC_API_KEY.")
        base = (model.base_url or ITSELF).removesuffix("/").removesuffix("/v1")
        self.provider = netloc_of(base)
        self._model = model.model.partition("/")[2]
        self._http = BatchHttp(
            base,
            {
                "x-api-key": key,
                "anthropic-version": VERSION,
                "Content-Type": "application/json",
            },
        )

    def encode(self, custom_id: str, question: Question) -> bytes:
        """Write one request of the list."""
        line = {"custom_id": custom_id, "params": self._params(question)}
        return json.dumps(line, ensure_ascii=False).encode("utf-8", "replace")

    def _params(self, question: Question) -> dict[str, object]:
        system = [m.content for m in question.messages if m.role == "system"]
        params: dict[str, object] = {
            "model": self._model,
            "max_tokens": question.max_tokens,
            "temperature": min(question.temperature, 1.0),
            "messages": [
                {"role": m.role, "content": m.content}
                for m in question.messages
                if m.role != "system"
            ],
        }
        if system:
            params["system"] = "\n\n".join(system)
        if question.reply_schema is not None and question.rung == "tools":
            params |= _tool(question.reply_schema)
        return params

    async def upload(self, lines: Sequence[bytes], *, label: str) -> None:
        """Do nothing: the POST carries the requests."""
        del lines, label

    async def create(
        self, upload: str | None, lines: Sequence[bytes], *, label: str
    ) -> BatchStatus:
        """Begin a batch."""
        del upload, label
        body = io.BytesIO(b'{"requests": [' + b",\n".join(lines) + b"]}")
        reply, _ = await self._http.call("POST", "/v1/messages/batches", data=body, deadline=UPLOAD)
        return _status(reply)

    async def listed(self) -> AsyncGenerator[BatchStatus]:
        """Stream the account's batches, latest first."""
        query = {"limit": "100"}
        while True:
            page, _ = await self._http.call("GET", "/v1/messages/batches", query=query)
            found = objects_of(page.get("data"))
            for each in found:
                yield _status(each)
            if not page.get("has_more") or not found:
                return
            query["after_id"] = str(found[-1]["id"])

    async def poll(self, batch_id: str) -> BatchStatus:
        """Ask how far a batch is."""
        reply, _ = await self._http.call("GET", f"/v1/messages/batches/{batch_id}")
        return _status(reply)

    async def results(self, status: BatchStatus) -> AsyncGenerator[LineResult]:
        """Stream the results."""
        # Their `results_url` is not followed: the key goes to no address that a reply names.
        path = f"/v1/messages/batches/{status.batch_id}/results"
        async for line in self._http.lines(path):
            found = line_object(line)
            yield LineResult(str(found.get("custom_id")), _result(found))

    async def cancel(self, batch_id: str) -> None:
        """Ask for an end."""
        await self._http.call("POST", f"/v1/messages/batches/{batch_id}/cancel", data=b"{}")

    async def close(self) -> None:
        """Release the connections."""
        await self._http.close()


def _tool(schema: Mapping[str, object]) -> dict[str, object]:
    name = str(schema.get("title", "Reply"))
    parameters = {k: v for k, v in schema.items() if k not in {"title", "description"}}
    described = str(schema.get("description", "Give the reply in this form."))
    tool = {"name": name, "description": described, "input_schema": parameters}
    return {"tools": [tool], "tool_choice": {"type": "tool", "name": name}}


def _status(batch: Object) -> BatchStatus:
    state = str(batch.get("processing_status"))
    counts: Mapping[str, int] = object_of(batch.get("request_counts"))
    ended = state == "ended"
    if not batch.get("id"):
        raise ConnectionFailed("the reply names no batch")
    return BatchStatus(
        batch_id=str(batch["id"]),
        state="ended" if ended else "running",
        provider_state=code(state),
        created_at=_seconds(batch.get("created_at")),
        expires_at=_seconds(batch.get("expires_at")),
        # Zero until the end, which is no count.
        done=sum(n for name, n in counts.items() if name != "processing") if ended else None,
        total=sum(counts.values()) or None,
        results=("results",) if ended and batch.get("results_url") else (),
    )


def _seconds(moment: object) -> float | None:
    try:
        return datetime.fromisoformat(str(moment)).timestamp()
    except ValueError:
        return None


def _result(line: Object) -> Reply | ModelError:
    kind = member(line, "result", "type")
    if kind == "succeeded":
        return _reply(object_of(member(line, "result", "message")))
    if kind in {"expired", "canceled"}:
        return BatchExpired(f"the batch ended before this line ({kind})")
    problem = member(line, "result", "error", "error", "type") or member(
        line, "result", "error", "type"
    )
    fault = FAULTS.get(str(problem), RequestRejected)
    return fault(f"the provider answered this line with {code(problem) or 'nothing'}")


def _reply(message: Object) -> Reply:
    blocks = objects_of(message.get("content"))
    tools = [block.get("input") for block in blocks if block.get("type") == "tool_use"]
    text = "".join(str(block.get("text")) for block in blocks if block.get("type") == "text")
    usage = object_of(message.get("usage"))
    read, written = (usage.get(f"cache_{what}_input_tokens") or 0 for what in ("read", "creation"))
    fresh = usage.get("input_tokens")
    reason = str(message.get("stop_reason"))
    served = message.get("model")
    return Reply(
        text=json.dumps(tools[0], ensure_ascii=False) if len(tools) == 1 else text or None,
        tool_calls=len(tools),
        finish_reason=FINISH.get(reason, reason),
        served_model=str(served) if served else None,
        usage=counted_usage(
            fresh + read + written if isinstance(fresh, int) else None,
            usage.get("output_tokens"),
            read,
        ),
        provenance=provenance_of(served),
    )
