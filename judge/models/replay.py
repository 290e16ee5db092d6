"""Replies recorded in an earlier run, given again without a call: no key, no network, no cost."""

from collections.abc import Mapping
from typing import Literal

from judge.errors import RequestRejected
from judge.keys import digest
from judge.models.base import Question, Reply
from judge.records import Rung


def question_digest(question: Question) -> str:
    """Hash what a model sees of a question; the deadline and the rung do not belong to it."""
    return digest(question.model_dump(mode="json", exclude={"deadline", "rung"}))


class ReplayModel:
    """Answer each question as it was answered before.

    Parameters
    ----------
    replies : mapping of str to Reply
        By `question_digest`.
    """

    def __init__(self, replies: Mapping[str, Reply]) -> None:
        self._replies = replies

    @property
    def transport(self) -> Literal["replay"]:
        """Which way this is, as attempts record it."""
        return "replay"

    @property
    def provider(self) -> str:
        """Nobody's rate limits are touched."""
        return "replay"

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """One is enough, since the form of a recorded reply is settled."""
        return ("json_schema",)

    async def ask(self, question: Question) -> Reply:
        """Give the recorded reply, marked RECORDED unless a simulator made it.

        Raises
        ------
        RequestRejected
            If the question was never recorded.
        """
        reply = self._replies.get(question_digest(question))
        if reply is None:
            raise RequestRejected("no reply to this question was recorded")
        if reply.provenance == "SIMULATED":
            return reply
        return reply.model_copy(update={"provenance": "RECORDED"})

    async def close(self) -> None:
        """Do nothing: there is nothing to release."""
