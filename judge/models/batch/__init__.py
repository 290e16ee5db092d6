"""Provider batches: a file of questions, answered within a day at half the price.

Every provider's form is a `BatchService`: it writes lines, posts a part, tells how far it is and
reads what came. It keeps nothing and decides nothing; `judge.run.batches` does, with the ledger.
The name of a line is the content key of its question, so that results are matched on any machine.
"""

import os
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import Field

from judge.errors import ConfigError, ModelError
from judge.models.base import Question, Reply, prefix_of, refuse_secrets
from judge.records import ModelSettings, Record, Rung

State = Literal["running", "ended", "refused"]
"""``ended`` has results, perhaps for some lines only; ``refused`` has none and never will."""


class BatchLimits(Record):
    """What one batch of a provider may hold."""

    lines: int = Field(ge=1)
    bytes: int = Field(ge=1)


class BatchStatus(Record):
    """How far a batch is, in the same words for every provider."""

    batch_id: str
    state: State
    provider_state: str
    """As the provider calls it; only letters, digits and underscores."""
    label: str | None = None
    """Our own mark, where the provider gives it back; None where it has no room for one."""
    created_at: float | None = None
    """Seconds since 1970, UTC."""
    expires_at: float | None = None
    done: int | None = None
    """Lines with an answer or an error so far; None where the provider does not tell."""
    total: int | None = None
    results: tuple[str, ...] = ()
    """Where the results are: files of the provider, or addresses below its own."""
    why: str = ""
    """Why the whole was refused: the provider's code, never its text."""
    rung: Rung = "json_schema"
    """How its lines were asked; set by who posted them, for no provider tells."""


@dataclass(frozen=True, slots=True)
class LineResult:
    """What became of one line."""

    custom_id: str
    result: Reply | ModelError


class BatchService(Protocol):
    """A provider's way of taking batches."""

    @property
    def provider(self) -> str:
        """Name of the service in the ledger: host and port."""
        ...

    @property
    def limits(self) -> BatchLimits:
        """What a part may hold."""
        ...

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """Ways of asking for a structured reply, strictest first."""
        ...

    @property
    def labelled(self) -> bool:
        """Whether a batch gives our label back, so that an orphan is told by it."""
        ...

    def encode(self, custom_id: str, question: Question) -> bytes:
        """Write one line, without a line break."""
        ...

    async def upload(self, lines: Sequence[bytes], *, label: str) -> str | None:
        """Bring the lines to the provider; None where `create` carries them itself."""
        ...

    async def create(
        self, upload: str | None, lines: Sequence[bytes], *, label: str
    ) -> BatchStatus:
        """Begin a batch: the one call that costs money.

        Raises
        ------
        TransportError
            Other than `RateLimited`: then the provider may or may not have taken it.
        """
        ...

    def listed(self) -> AsyncGenerator[BatchStatus]:
        """Stream the account's batches, latest first."""
        ...

    async def poll(self, batch_id: str) -> BatchStatus:
        """Ask how far a batch is, without its results."""
        ...

    def results(self, status: BatchStatus) -> AsyncGenerator[LineResult]:
        """Stream the results of a batch that has ended, in any order.

        Raises
        ------
        ConnectionFailed
            If the download was cut; what came before it is right.
        """
        ...

    async def cancel(self, batch_id: str) -> None:
        """Ask for an end; what is done by then stays paid for and has results."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...


LITELLM_PREFIXES = frozenset({"azure", "vertex_ai", "bedrock"})
"""Providers whose batches are reached through litellm: their addresses need an account's setup."""


def open_batches(model: ModelSettings, *, environ: Mapping[str, str] | None = None) -> BatchService:
    """Open the way to a provider's batches.

    Parameters
    ----------
    model : ModelSettings
    environ : mapping of str to str, or None
        Where keys are read; None for the process's environment.

    Raises
    ------
    ConfigError
        If no batches are known for the provider, or the key's variable is not set.
    """
    refuse_secrets(model)
    environ = os.environ if environ is None else environ
    prefix = prefix_of(model)
    if prefix == "anthropic":
        from judge.models.batch.anthropic import AnthropicBatches

        return AnthropicBatches(model, environ)
    if prefix == "gemini":
        from judge.models.batch.gemini import GeminiBatches

        return GeminiBatches(model, environ)
    if prefix in LITELLM_PREFIXES:
        from judge.models.batch.through_litellm import LitellmBatches

        return LitellmBatches(model, environ)
    from judge.models.batch.openai import ADDRESSES, OpenAIBatches

    if model.base_url is None and prefix not in ADDRESSES:
        raise ConfigError(
            f"no batches are known for {model.model}; leave --batch out, or give the base URL of "
            "a gateway that takes OpenAI's batches."
        )
    return OpenAIBatches(model, environ)
