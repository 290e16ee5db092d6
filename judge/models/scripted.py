"""A model whose replies are written in advance: for tests, and for trying a rubric offline."""

from collections.abc import Callable, Sequence
from typing import Literal

from judge.errors import ModelError
from judge.models.base import Question, Reply
from judge.records import Rung

Script = Reply | ModelError | str
"""One line of a script: a reply, its text alone, or the error to raise."""


class ScriptedModel:
    """Answer from a script, and keep every question that was asked.

    Parameters
    ----------
    replies : sequence of Script, or function from Question to Script
        A sequence is used line by line and its last line is repeated; a function sees the
        question. A line that is an error is raised.
    provider : str
        Whose rate limits the calls count against.
    rungs : tuple of Rung
        Ways of asking for a structured reply that the model claims to know.

    Raises
    ------
    ValueError
        If the sequence is empty.
    """

    transport: Literal["scripted"] = "scripted"

    def __init__(
        self,
        replies: Sequence[Script] | Callable[[Question], Script],
        *,
        provider: str = "scripted",
        rungs: tuple[Rung, ...] = ("json_schema",),
    ) -> None:
        if not callable(replies) and not replies:
            raise ValueError("a script needs at least one line; got none.")
        self.questions: list[Question] = []
        self.closed = False
        self._replies = replies
        self.provider = provider
        self.rungs = rungs

    async def ask(self, question: Question) -> Reply:
        """Give the next line of the script."""
        self.questions.append(question)
        line = self._line(question)
        if isinstance(line, ModelError):
            raise line
        if isinstance(line, str):
            return Reply(text=line, finish_reason="stop", provenance="SIMULATED")
        return line

    def _line(self, question: Question) -> Script:
        if callable(self._replies):
            return self._replies(question)
        return self._replies[min(len(self.questions), len(self._replies)) - 1]

    async def close(self) -> None:
        """Note that the model was closed."""
        self.closed = True
