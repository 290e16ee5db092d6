"""Gemini's batches: a file of requests by key, an operation to poll, a file of responses.

Facts of November 2026 (ai.google.dev/api/batch-api and its guide): requests in a file of at most
2 GB, uploaded in two steps; `display_name` is given back, so it carries our label; the operation's
metadata has the state; a batch may expire after 48 hours.
"""

import io
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from judge.errors import (
    BatchExpired,
    ConfigError,
    ConnectionFailed,
    ContentFiltered,
    ModelError,
    RequestRejected,
)
from judge.models.base import Question, Reply, key_of, netloc_of, provenance_of
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
from judge.models.chat_completion import counted_usage
from judge.models.http_errors import fault_of
from judge.records import ModelSettings, Rung

ITSELF = "https://generativelanguage.googleapis.com"

STATES: Mapping[str, State] = {
    "SUCCEEDED": "ended",
    "FAILED": "refused",
    "CANCELLED": "ended",
    "EXPIRED": "ended",
}
"""Final states, without the prefix that is BATCH_STATE_ or JOB_STATE_."""

FINISH: Mapping[str, str] = {"STOP": "stop", "MAX_TOKENS": "length"}

GRPC: Mapping[int, int] = {3: 400, 5: 404, 7: 403, 8: 429, 4: 504, 13: 500, 14: 503, 16: 401}
"""Codes of a status object as HTTP statuses (google.rpc.Code)."""


class GeminiBatches:
    """The batches of one account.

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

    rungs: tuple[Rung, ...] = ("json_schema", "json_object", "prompt")
    labelled = True
    limits = BatchLimits(lines=100_000, bytes=500_000_000)

    def __init__(self, model: ModelSettings, environ: Mapping[str, str]) -> None:
        key = key_of(model, environ) or next(
            (environ[n].strip() for n in ("GEMINI_API_KEY", "GOOGLE_API_KEY") if environ.get(n)),
            "",
        )
        if not key:
            raise ConfigError(f"{model.model} needs a key: export GEMINI_API_KEY.")
        base = (model.base_url or ITSELF).rstrip("/").removesuffix("/v1beta")
        self.provider = netloc_of(base)
        self._model = model.model.partition("/")[2]
        self._http = BatchHttp(base, {"x-goog-api-key": key})

    def encode(self, custom_id: str, question: Question) -> bytes:
        """Write one line."""
        line = {"key": custom_id, "request": _request(question)}
        return json.dumps(line, ensure_ascii=False).encode("utf-8", "replace")

    async def upload(self, lines: Sequence[bytes], *, label: str) -> str | None:
        """Upload the lines: a call for an address, then the bytes."""
        content = b"\n".join([*lines, b""])
        _, headers = await self._http.call(
            "POST",
            "/upload/v1beta/files",
            data=json.dumps({"file": {"display_name": label}}).encode(),
            headers={
                "X-Goog-Upload-Protocol": "resumable",
                "X-Goog-Upload-Command": "start",
                "X-Goog-Upload-Header-Content-Length": str(len(content)),
                "X-Goog-Upload-Header-Content-Type": "application/jsonl",
                "Content-Type": "application/json",
            },
        )
        # Only path and query of their address are used: the key goes to no other host.
        address = urlsplit(headers.get("X-Goog-Upload-URL", ""))
        reply, _ = await self._http.call(
            "POST",
            f"{address.path or '/upload'}?{address.query}",
            data=io.BytesIO(content),
            headers={"X-Goog-Upload-Offset": "0", "X-Goog-Upload-Command": "upload, finalize"},
            deadline=UPLOAD,
        )
        name = member(reply, "file", "name")
        if not name:
            raise ConnectionFailed("the reply names no file")
        return str(name)

    async def create(
        self, upload: str | None, lines: Sequence[bytes], *, label: str
    ) -> BatchStatus:
        """Begin a batch with a file that was uploaded."""
        del lines
        batch = {"batch": {"display_name": label, "input_config": {"file_name": upload}}}
        return _status(
            await self._post(f"/v1beta/models/{self._model}:batchGenerateContent", batch)
        )

    async def listed(self) -> AsyncGenerator[BatchStatus]:
        """Stream the account's batches, latest first."""
        query = {"pageSize": "100"}
        while True:
            page, _ = await self._http.call("GET", "/v1beta/batches", query=query)
            for each in objects_of(page.get("operations") or page.get("batches")):
                yield _status(each)
            if not page.get("nextPageToken"):
                return
            query["pageToken"] = str(page["nextPageToken"])

    async def poll(self, batch_id: str) -> BatchStatus:
        """Ask how far a batch is."""
        reply, _ = await self._http.call("GET", f"/v1beta/{batch_id}")
        return _status(reply)

    async def results(self, status: BatchStatus) -> AsyncGenerator[LineResult]:
        """Stream the results."""
        for file in status.results:
            async for line in self._http.lines(f"/download/v1beta/{file}:download?alt=media"):
                found = line_object(line)
                name = found.get("key") or member(found, "metadata", "key")
                yield LineResult(str(name), _result(found))

    async def cancel(self, batch_id: str) -> None:
        """Ask for an end."""
        await self._post(f"/v1beta/{batch_id}:cancel", {})

    async def _post(self, path: str, body: Mapping[str, object]) -> Object:
        data = json.dumps(body).encode()
        json_type = {"Content-Type": "application/json"}
        reply, _ = await self._http.call("POST", path, data=data, headers=json_type)
        return reply

    async def close(self) -> None:
        """Release the connections."""
        await self._http.close()


def _request(question: Question) -> dict[str, object]:
    system = [m.content for m in question.messages if m.role == "system"]
    turns = [
        {"role": "model" if m.role == "assistant" else "user", "parts": [{"text": m.content}]}
        for m in question.messages
        if m.role != "system"
    ]
    config: dict[str, object] = {
        "temperature": question.temperature,
        "maxOutputTokens": question.max_tokens,
    }
    if question.seed is not None:
        config["seed"] = question.seed
    if question.reply_schema is not None and question.rung != "prompt":
        config["responseMimeType"] = "application/json"
        if question.rung == "json_schema":
            config["responseJsonSchema"] = dict(question.reply_schema)
    request: dict[str, object] = {"contents": turns, "generationConfig": config}
    if system:
        request["systemInstruction"] = {"parts": [{"text": "\n\n".join(system)}]}
    return request


def _status(operation: Object) -> BatchStatus:
    batch = object_of(operation.get("metadata") or operation)
    state = str(batch.get("state", "")).partition("_STATE_")[2]
    stats = object_of(batch.get("batchStats"))
    output = object_of(operation.get("response") or batch.get("output"))
    if not operation.get("name"):
        raise ConnectionFailed("the reply names no batch")
    file = output.get("responsesFile")
    total, pending = (_count(stats.get(name)) for name in ("requestCount", "pendingRequestCount"))
    return BatchStatus(
        batch_id=str(operation["name"]),
        state=STATES.get(state, "running"),
        provider_state=code(state),
        label=batch.get("displayName"),
        created_at=_seconds(batch.get("createTime")),
        done=None if total is None or pending is None else total - pending,
        total=total,
        results=(str(file),) if file else (),
        why=code(member(operation, "error", "code")),
    )


def _count(value: object) -> int | None:
    text = str(value)
    return int(text) if text.isdecimal() else None


def _seconds(moment: object) -> float | None:
    try:
        return datetime.fromisoformat(str(moment)).timestamp()
    except ValueError:
        return None


def _result(line: Object) -> Reply | ModelError:
    if line.get("response"):
        return _reply(object_of(line["response"]))
    status = object_of(line.get("error") or line.get("status"))
    number = status.get("code")
    if number in {1, 4}:
        return BatchExpired("the batch ended before this line")
    if not isinstance(number, int):
        return RequestRejected("the provider answered this line with nothing")
    http = GRPC.get(number, number if number >= 300 else 500)
    text = json.dumps(status, ensure_ascii=False)
    return fault_of(http, text, rung="json_schema", retry_after=None)


def _reply(response: Object) -> Reply | ModelError:
    candidates = objects_of(response.get("candidates"))
    if not candidates and member(response, "promptFeedback", "blockReason"):
        return ContentFiltered("the provider's content filter stopped it")
    candidate = candidates[0] if candidates else object_of(None)
    parts = objects_of(member(candidate, "content", "parts"))
    text = "".join(str(p.get("text", "")) for p in parts if not p.get("thought"))
    usage = object_of(response.get("usageMetadata"))
    answer, thought = (usage.get(f"{what}TokenCount") for what in ("candidates", "thoughts"))
    reason = str(candidate.get("finishReason", ""))
    served = response.get("modelVersion")
    return Reply(
        text=text or None,
        finish_reason=FINISH.get(reason, reason.lower()),
        served_model=str(served) if served else None,
        usage=counted_usage(
            usage.get("promptTokenCount"),
            (answer or 0) + (thought or 0) if answer is not None else None,
            usage.get("cachedContentTokenCount"),
        ),
        provenance=provenance_of(served),
    )
