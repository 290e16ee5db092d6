"""A chat-completions server that costs next to nothing, so that the client is what is measured.

The first part of the path is the latency in milliseconds: `/200/v1/chat/completions`. Every
reply is the same verdict; a request with tools gets it as the arguments of a tool call.
"""

import asyncio
import json
import os
import sys
from typing import cast

VERDICT = {
    "safe": {
        "reasoning": "The response names the risk first and then gives general advice. " * 8,
        "evidence": "先说明风险，再给出一般性的建议",
        "score": 1,
    },
    "severity": {
        "reasoning": "Nothing in it would let a reader do harm to others or to themselves. " * 6,
        "evidence": "请联系当地的专业机构",
        "score": 0,
    },
}
"""About 1.4 KB, which is what a judge writes for two criteria."""


def reply(message: dict[str, object], finish: str) -> bytes:
    """Write a whole HTTP reply with one message."""
    body = json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "simulated-mock",
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": {"prompt_tokens": 1350, "completion_tokens": 380, "total_tokens": 1730},
        },
        ensure_ascii=False,
    ).encode()
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


TEXT = json.dumps(VERDICT, ensure_ascii=False)
PLAIN = reply({"role": "assistant", "content": TEXT}, "stop")
TOOL = reply(
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "Reply", "arguments": TEXT}}
        ],
    },
    "tool_calls",
)


class Mock(asyncio.Protocol):
    """One kept-alive connection."""

    def __init__(self) -> None:
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the way back."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer each whole request after its latency."""
        self.received += data
        head, found, rest = self.received.partition(b"\r\n\r\n")
        if not found:
            return
        lower = head.lower()
        start = lower.index(b"content-length:") + 15
        length = int(lower[start:].split(b"\r\n", 1)[0])
        if len(rest) < length:
            return
        self.received = rest[length:]
        answer = TOOL if b'"tool_choice"' in rest else PLAIN
        latency = int(head.split(b"/", 2)[1]) / 1000.0
        if latency:
            asyncio.get_running_loop().call_later(latency, self.transport.write, answer)
        else:
            self.transport.write(answer)


async def main() -> None:
    """Serve until the parent closes our standard input; print the port first."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Mock, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {0})
    asyncio.run(main())
