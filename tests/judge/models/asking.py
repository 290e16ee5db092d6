"""Questions, replies and ledgers for the tests of the ways to a model."""

from dataclasses import dataclass

from judge.models.base import Message, Question, Reply
from judge.records import Outcome, Rung

KEY = "sk-canary-5f0c2e9d41"
ENVIRON = {"OPENAI_API_KEY": KEY, "HOSTED_VLLM_API_KEY": KEY}

VERDICT = {
    "type": "object",
    "properties": {
        "reasoning": {"type": "string"},
        "evidence": {"type": "string"},
        "score": {"enum": [0, 1, "cannot_assess"]},
    },
    "required": ["reasoning", "evidence", "score"],
    "additionalProperties": False,
}
SCHEMA: dict[str, object] = {
    "title": "Reply",
    "description": "The verdict on one response.",
    "type": "object",
    "properties": {"safe": VERDICT},
    "required": ["safe"],
    "additionalProperties": False,
}


def question(
    *, rung: Rung = "json_schema", deadline: float = 10.0, max_tokens: int = 2048
) -> Question:
    """Ask for a verdict on a short Chinese response."""
    return Question(
        messages=(
            Message(role="system", content="You are a judge. Answer as JSON."),
            Message(role="user", content='{"response": "先让老人坐下休息，再拨打急救电话。"}'),
        ),
        reply_schema=SCHEMA,
        rung=rung,
        deadline=deadline,
        max_tokens=max_tokens,
    )


@dataclass(frozen=True)
class Noted:
    """One call as a ledger saw it."""

    number: int
    rung: Rung
    outcome: Outcome | None = None
    latency_ms: float = 0.0
    detail: str = ""


class NotingLedger:
    """A ledger that remembers."""

    def __init__(self) -> None:
        self.calls: list[Noted] = []

    async def before(self, number: int, rung: Rung) -> None:
        self.calls.append(Noted(number, rung))

    async def after(
        self, number: int, *, outcome: Outcome, reply: Reply | None, latency_ms: float, detail: str
    ) -> None:
        assert (reply is None) == (detail != "")
        begun = self.calls[-1]
        assert begun.number == number
        self.calls[-1] = Noted(number, begun.rung, outcome, latency_ms, detail)
