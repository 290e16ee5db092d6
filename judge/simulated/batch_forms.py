"""The three wire forms of provider batches, as the server of a provider speaks them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from judge.simulated.http import HttpRequest
from judge.simulated.judge import SimulatedJudge
from judge.simulated.openai_protocol import (
    BadRequest,
    as_json,
    as_object,
    completion,
    read_request,
)

Kind = Literal["openai", "anthropic", "gemini"]
Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a batch: the chat completion that it asks for, and what came of it."""

    custom_id: str
    body: Mapping[str, Any]
    status: int = 0
    """0 while nothing came of it, -1 where it expired."""
    reply: Mapping[str, Any] | None = None
    code: str = ""

    def answered(self, judge: SimulatedJudge, *, cached_share: float, usage: bool) -> "Line":
        """Let the judge answer, as the chat endpoint of the server would."""
        try:
            request = read_request(json.dumps(self.body).encode())
            reply = completion(judge.profile, request, judge.answer(request))
        except BadRequest as error:
            return replace(
                self, status=400, code="invalid_request_error", reply={"why": str(error)}
            )
        counted: Any = reply["usage"]
        if cached_share:
            cached = int(cached_share * counted["prompt_tokens"])
            counted["prompt_tokens_details"] = {"cached_tokens": cached}
        if not usage:
            del reply["usage"]
        return replace(self, status=200, reply=reply)

    def failed(self, status: int, code: str) -> "Line":
        """Let the line fail."""
        return replace(self, status=status, code=code, reply=None)

    def expired(self) -> "Line":
        """Let the line expire."""
        return replace(self, status=-1, code="batch_expired", reply=None)

    def named(self, custom_id: str) -> "Line":
        """Give the line another name."""
        return replace(self, custom_id=custom_id)


@dataclass(frozen=True, slots=True)
class Posted:
    """What a client posted."""

    kind: Kind
    lines: tuple[Line, ...]
    label: str | None


class Shown(Protocol):
    """What a form is told of a batch."""

    batch_id: str
    form: Posted
    mode: str
    created_at: float


class OpenAIForm:
    """Files of chat completions."""

    def uploaded(self, request: HttpRequest) -> bytes:
        """Take the file out of a multipart form."""
        boundary = request.headers["content-type"].partition("boundary=")[2].strip('"').encode()
        for part in request.body.split(b"--" + boundary):
            head, _, content = part.partition(b"\r\n\r\n")
            if b'name="file"' in head:
                return content.removesuffix(b"\r\n")
        return b""

    def posted(self, content: bytes, wanted: Mapping[str, Any]) -> Posted:
        """Read the lines of an uploaded file."""
        lines = map(json.loads, filter(None, content.split(b"\n")))
        label: Any = as_object(wanted.get("metadata")).get("cvalues_part")
        return Posted("openai", tuple(Line(x["custom_id"], x["body"]) for x in lines), label)

    def batch(self, batch: Shown, state: str) -> Object:
        """Show a batch."""
        count = len(batch.form.lines)
        ended = state in {"completed", "expired", "cancelled"}
        output = ended and batch.mode != "all_failed"
        late = state in {"expired", "cancelled"}
        code = "model_not_batchable" if batch.mode == "not_batchable" else "server_error"
        problem = {"code": code, "line": None, "message": "secret words", "param": None}
        failed = count if batch.mode == "all_failed" else count - count // 2 if late else 0
        return {
            "id": batch.batch_id,
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
            "input_file_id": "file-of-input",
            "status": "in_progress" if state == "running" else state,
            "created_at": int(batch.created_at),
            "expires_at": int(batch.created_at) + 86_400,
            "metadata": {"cvalues_part": batch.form.label} if batch.form.label else None,
            "output_file_id": f"{batch.batch_id}.output" if output else None,
            "error_file_id": f"{batch.batch_id}.error" if ended and failed else None,
            "errors": {"data": [problem]} if state == "failed" else None,
            "request_counts": {
                "total": count,
                "completed": count - failed if ended else 0,
                "failed": failed if ended else 0,
            },
        }

    def lines(self, lines: Iterable[Line]) -> bytes:
        """Write the lines of a file of results."""
        return b"".join(as_json(self._line(line)) + b"\n" for line in lines)

    def _line(self, line: Line) -> Object:
        body = line.reply if line.status == 200 else {"error": {"code": line.code}}
        response = {"status_code": line.status, "request_id": "r", "body": body}
        expired = line.status < 0
        return {
            "id": f"batch_req_{line.custom_id[:12]}",
            "custom_id": line.custom_id,
            "response": None if expired else response,
            "error": {"code": line.code, "message": "secret words"} if expired else None,
        }


class AnthropicForm:
    """Requests in the POST, results by address."""

    def posted(self, content: bytes) -> Posted:
        """Read the requests."""
        requests = json.loads(content)["requests"]
        lines = tuple(Line(x["custom_id"], self._asked(x["params"])) for x in requests)
        return Posted("anthropic", lines, None)

    def _asked(self, params: Mapping[str, Any]) -> Object:
        """Write their request as a chat completion."""
        system = [{"role": "system", "content": params.get("system", "")}]
        tools = [
            {
                "type": "function",
                "function": {"name": tool["name"], "parameters": tool["input_schema"]},
            }
            for tool in params.get("tools", ())
        ]
        asked: Object = {"model": params["model"], "messages": system + params["messages"]}
        return {**asked, "tools": tools} if tools else asked

    def batch(self, batch: Shown, state: str) -> Object:
        """Show a batch; the counts are zero until the end."""
        count = len(batch.form.lines)
        ended = state != "running"
        created = datetime.fromtimestamp(batch.created_at, UTC)
        counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
        if ended:
            counts["succeeded"] = count
        return {
            "id": batch.batch_id,
            "type": "message_batch",
            "processing_status": "ended" if ended else "in_progress",
            "request_counts": counts,
            "created_at": created.isoformat(),
            "expires_at": datetime.fromtimestamp(batch.created_at + 86_400, UTC).isoformat(),
            "results_url": f"https://elsewhere.invalid/{batch.batch_id}" if ended else None,
        }

    def lines(self, lines: Iterable[Line]) -> bytes:
        """Write the lines of the results."""
        return b"".join(as_json(self._line(line)) + b"\n" for line in lines)

    def _line(self, line: Line) -> Object:
        if line.status == 200 and line.reply is not None:
            result: Object = {"type": "succeeded", "message": self._message(line.reply)}
        elif line.status < 0:
            result = {"type": "expired"}
        else:
            kind = "api_error" if line.status >= 500 else "invalid_request_error"
            error = {"type": "error", "error": {"type": kind, "message": "secret words"}}
            result = {"type": "errored", "error": error}
        return {"custom_id": line.custom_id, "result": result}

    def _message(self, reply: Mapping[str, Any]) -> Object:
        choice = reply["choices"][0]
        said = choice["message"]
        content: list[Object] = []
        if said.get("content"):
            content.append({"type": "text", "text": said["content"]})
        for call in said.get("tool_calls", ()):
            given = json.loads(call["function"]["arguments"])
            content.append({"type": "tool_use", "name": call["function"]["name"], "input": given})
        usage = as_object(reply.get("usage"))
        cached: Any = as_object(usage.get("prompt_tokens_details")).get("cached_tokens", 0)
        counted_tokens: Any = usage.get("prompt_tokens", cached)
        counted = {
            "input_tokens": counted_tokens - cached,
            "cache_read_input_tokens": cached,
            "output_tokens": usage.get("completion_tokens"),
        }
        return {
            "model": reply["model"],
            "content": content,
            "stop_reason": "tool_use" if said.get("tool_calls") else "end_turn",
            "usage": counted if usage else {},
        }


class GeminiForm:
    """Files of requests by key."""

    def posted(self, content: bytes, wanted: Mapping[str, Any], path: str) -> Posted:
        """Read the lines of an uploaded file."""
        model = path.partition("/models/")[2].partition(":")[0]
        lines = map(json.loads, filter(None, content.split(b"\n")))
        asked = tuple(Line(x["key"], self._asked(x["request"], model)) for x in lines)
        return Posted("gemini", asked, wanted.get("display_name"))

    def _asked(self, request: Mapping[str, Any], model: str) -> Object:
        def text(content: Mapping[str, Any]) -> str:
            return "".join(part["text"] for part in content["parts"])

        system = request.get("systemInstruction")
        messages = [{"role": "system", "content": text(system)}] if system else []
        messages += [{"role": "user", "content": text(c)} for c in request["contents"]]
        asked: Object = {"model": model, "messages": messages}
        schema = request["generationConfig"].get("responseJsonSchema")
        if schema:
            form = {"name": "Reply", "schema": schema}
            asked["response_format"] = {"type": "json_schema", "json_schema": form}
        return asked

    def batch(self, batch: Shown, state: str) -> Object:
        """Show a batch as an operation."""
        count = len(batch.form.lines)
        names = {"running": "RUNNING", "completed": "SUCCEEDED"}
        ended = state in {"completed", "expired", "cancelled"}
        file = {"responsesFile": f"files/{batch.batch_id.removeprefix('batches/')}.output"}
        shown: Object = {
            "name": batch.batch_id,
            "metadata": {
                "state": f"BATCH_STATE_{names.get(state, state.upper())}",
                "displayName": batch.form.label,
                "createTime": datetime.fromtimestamp(batch.created_at, UTC).isoformat(),
                "batchStats": {
                    "requestCount": str(count),
                    "pendingRequestCount": str(0 if ended else count),
                },
            },
            "done": ended or state == "failed",
        }
        if ended:
            shown["response"] = file
        if state == "failed":
            shown["error"] = {"code": 3, "message": "secret words"}
        return shown

    def lines(self, lines: Iterable[Line]) -> bytes:
        """Write the lines of a file of responses."""
        return b"".join(as_json(self._line(line)) + b"\n" for line in lines)

    def _line(self, line: Line) -> Object:
        if line.status == 200 and line.reply is not None:
            return {"key": line.custom_id, "response": self._response(line.reply)}
        code = 1 if line.status < 0 else 13 if line.status >= 500 else 3
        return {"key": line.custom_id, "error": {"code": code, "message": "secret words"}}

    def _response(self, reply: Mapping[str, Any]) -> Object:
        said = reply["choices"][0]["message"]["content"]
        usage = as_object(reply.get("usage"))
        cached: Any = as_object(usage.get("prompt_tokens_details")).get("cached_tokens", 0)
        counted = {
            "promptTokenCount": usage.get("prompt_tokens"),
            "candidatesTokenCount": usage.get("completion_tokens"),
            "cachedContentTokenCount": cached,
        }
        content = {"role": "model", "parts": [{"text": said}]}
        return {
            "candidates": [{"content": content, "finishReason": "STOP"}],
            "modelVersion": reply["model"],
            "usageMetadata": counted if usage else {},
        }


openai_form = OpenAIForm()
anthropic_form = AnthropicForm()
gemini_form = GeminiForm()
