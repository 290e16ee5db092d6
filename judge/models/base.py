"""The seam between the engine and a provider: one method, one HTTP call.

Every way to a model (litellm, direct, scripted) is a `Model`. It makes exactly one call
for each `ask`, ends within the deadline, never retries, and raises the errors of `judge.errors`.
"""

from collections.abc import Mapping
from typing import Literal, Protocol

from pydantic import SkipValidation

from judge.records import Provenance, Record, Rung, Usage


class Message(Record):
    """One chat message."""

    role: Literal["system", "user", "assistant"]
    content: str


class Question(Record):
    """One call to a model."""

    messages: tuple[Message, ...]
    reply_schema: SkipValidation[Mapping[str, object]] | None = None
    """JSON schema of the wanted reply; None when free text is wanted. It is kept as the same
    object, so that what is built from it can be built once."""
    rung: Rung = "prompt"
    temperature: float = 0.0
    max_tokens: int = 2048
    seed: int | None = None
    deadline: float = 120.0
    """Seconds from the start of the call to the last byte of the reply."""


class Reply(Record):
    """What a model answered, as it came: nothing is parsed or judged here."""

    text: str | None
    """The message's content, or the arguments of its one tool call; None when it had neither."""
    tool_calls: int = 0
    finish_reason: str | None = None
    refusal: str | None = None
    """The provider's own refusal field, where it has one."""
    served_model: str | None = None
    usage: Usage = Usage()
    cost_usd: float | None = None
    provenance: Provenance = "LIVE"


def provenance_of(served_model: str | None) -> Provenance:
    """Tell this project's simulator, which names its models so, from a live provider."""
    return "SIMULATED" if (served_model or "").startswith("simulated-") else "LIVE"


class Model(Protocol):
    """A way to one model."""

    @property
    def transport(self) -> Literal["litellm", "direct", "scripted"]:
        """Which way this is, as attempts record it."""
        ...

    @property
    def provider(self) -> str:
        """Whose rate limits the calls count against."""
        ...

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """Ways of asking for a structured reply that are worth trying, strictest first."""
        ...

    async def ask(self, question: Question) -> Reply:
        """Make one call.

        Raises
        ------
        judge.errors.ModelError
            If no reply arrived; never with the provider's own text in the message.
        """
        ...

    async def close(self) -> None:
        """Release connections."""
        ...
