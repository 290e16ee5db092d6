"""Batches of providers that only litellm knows how to reach: Azure, Vertex AI, Bedrock.

litellm turns each of them into OpenAI's form, so lines and results are those of
`judge.models.batch.openai`. Retrieving a batch is marked as a call of litellm's own: otherwise it
downloads every file of output once more, to compute a cost that is not used here (seen in 1.106).
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from judge.errors import ConnectionFailed, DeadlineExceeded
from judge.models.base import Question, key_of, prefix_of
from judge.models.batch import BatchLimits, BatchStatus, LineResult
from judge.models.batch.http import CALL, UPLOAD, object_of
from judge.models.batch.openai import ENDPOINT, LABEL, MEGABYTE, read_line, status_of
from judge.models.http_errors import fault_from
from judge.models.http_session import Wire, join_wire, one_call
from judge.models.litellm import leave_litellm, leave_unlogged, load_litellm
from judge.models.openai_compatible import RequestWriter
from judge.records import ModelSettings, Rung


class LitellmBatches:
    """The batches of one account that litellm reaches.

    Parameters
    ----------
    model : ModelSettings
    environ : mapping of str to str
        Where the key is read; what else a provider needs litellm reads itself.
    """

    rungs: tuple[Rung, ...] = ("json_schema", "tools", "json_object", "prompt")
    labelled = True
    limits = BatchLimits(lines=50_000, bytes=100 * MEGABYTE)

    def __init__(self, model: ModelSettings, environ: Mapping[str, str]) -> None:
        self._litellm: Any = load_litellm()
        prefix = prefix_of(model)
        self.provider = prefix
        self._fixed: dict[str, object] = {"custom_llm_provider": prefix, "max_retries": 0}
        if model.base_url is not None:
            self._fixed["api_base"] = model.base_url
        key = key_of(model, environ) or environ.get(f"{prefix.upper()}_API_KEY", "").strip()
        if key:
            self._fixed["api_key"] = key
        self._wire: Wire | None = None
        self._requests = RequestWriter(model.model.removeprefix(f"{prefix}/"))

    def encode(self, custom_id: str, question: Question) -> bytes:
        """Write one line."""
        return b'{"custom_id": "%b", "method": "POST", "url": "%b", "body": %b}' % (
            custom_id.encode(),
            ENDPOINT.encode(),
            self._requests.write(question),
        )

    async def upload(self, lines: Sequence[bytes], *, label: str) -> str | None:
        """Upload the lines as a file."""
        file = (f"{label}.jsonl", b"\n".join([*lines, b""]))
        made = await self._call(
            self._litellm.acreate_file, deadline=UPLOAD, file=file, purpose="batch"
        )
        return str(made.id)

    async def create(
        self, upload: str | None, lines: Sequence[bytes], *, label: str
    ) -> BatchStatus:
        """Begin a batch with a file that was uploaded."""
        del lines
        made = await self._call(
            self._litellm.acreate_batch,
            completion_window="24h",
            endpoint=ENDPOINT,
            input_file_id=upload,
            metadata={LABEL: label},
        )
        return _status(made)

    async def listed(self) -> AsyncGenerator[BatchStatus]:
        """Stream the latest hundred; for some providers litellm gives no more pages."""
        page = await self._call(self._litellm.alist_batches, limit=100)
        for batch in getattr(page, "data", page) or ():
            yield _status(batch)

    async def poll(self, batch_id: str) -> BatchStatus:
        """Ask how far a batch is."""
        return _status(await self._call(self._litellm.aretrieve_batch, batch_id=batch_id))

    async def results(self, status: BatchStatus) -> AsyncGenerator[LineResult]:
        """Stream the lines of both files of results, each of which litellm holds whole."""
        for file in status.results:
            found = await self._call(self._litellm.afile_content, deadline=UPLOAD, file_id=file)
            for line in filter(None, bytes(found.content).split(b"\n")):
                try:
                    yield read_line(json.loads(line), status.rung)
                except ValueError:
                    raise ConnectionFailed("the download was cut") from None

    async def cancel(self, batch_id: str) -> None:
        """Ask for an end."""
        await self._call(self._litellm.acancel_batch, batch_id=batch_id)

    async def _call(
        self, function: Callable[..., Awaitable[Any]], *, deadline: float = CALL, **options: object
    ) -> Any:
        leave_unlogged()
        if self._wire is None:
            self._wire = join_wire(self)
        timer = asyncio.timeout(deadline)
        with one_call() as call:
            try:
                async with timer:
                    return await function(**self._fixed, **options)
            except Exception as error:  # noqa: BLE001 - litellm raises its own and everyone else's
                if timer.expired():
                    raise DeadlineExceeded(f"no whole reply in {deadline:g} s") from None
                raise fault_from(error, call, "json_schema") from None

    async def close(self) -> None:
        """Give up the connections; the last user of an event loop closes them."""
        wire, self._wire = self._wire, None
        if wire is not None:
            await leave_litellm(wire, self)


def _status(batch: Any) -> BatchStatus:
    return status_of(object_of(batch) or batch.model_dump())
