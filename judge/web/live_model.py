"""The way from a person in the room to the model under test, and to the judge afterwards.

Every call goes through the engine's own stage: limits, retries, a budget, and an attempt that is
kept before the call is made.
"""

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool

from judge.grading import pointwise
from judge.grading.pointwise import Edition, Forms
from judge.models import open_model
from judge.models.base import Message, Model, Question, Reply
from judge.models.limits import Budget, Limit, Limits, spent
from judge.records import (
    Answer,
    Attempt,
    Candidate,
    Generation,
    Item,
    Judge,
    Judgment,
    Language,
    Reason,
    Verdict,
    digest,
    model_digest,
)
from judge.run.plan import ending
from judge.run.scheduler import Bench, Made, Task, ask_tasks
from judge.store.annotation_project import Desk, Turn
from judge.store.records import AttemptEnded, AttemptStarted, Write
from judge.web.texts import speaker
from rubrics.rubric import Rubric

SERIALS_A_CALL = 100
"""Numbers set aside for the attempts of one question; more than any policy allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """The next turn of a conversation."""

    candidate: Candidate
    turns: tuple[Turn, ...]
    prompt: str

    @property
    def key(self) -> str:
        """Content key."""
        said = [[turn.prompt, turn.response] for turn in self.turns]
        return digest([model_digest(self.candidate), said, self.prompt])

    @property
    def asks(self) -> str:
        """Name of the model under test."""
        return self.candidate.name

    @property
    def slot(self) -> tuple[str, ...]:
        """A conversation is no unit of a run; nothing but its attempts is kept there."""
        return (self.key,)

    def foregone(self) -> None:
        """Say that every turn has to be asked."""

    def question(self, nonce: str) -> Question:  # noqa: ARG002 - the model under test is shown the words as they are
        """Build the call: all turns so far, then the new one."""
        told: list[Message] = []
        for turn in self.turns:
            told.append(Message(role="user", content=turn.prompt))
            told.append(Message(role="assistant", content=turn.response))
        return Question(
            messages=(*told, Message(role="user", content=self.prompt)),
            temperature=self.candidate.temperature,
            max_tokens=self.candidate.max_tokens,
        )

    def otherwise(self, made: object) -> None:
        """Say that a refusal of the model under test is its answer."""

    def concluded(self, attempts: Sequence[Attempt], came: Reply | Reason, *, nonce: str) -> Answer:  # noqa: ARG002 - as above
        """Make the answer of a reply, or of the reason why there is none."""
        reply = came if isinstance(came, Reply) else None
        return Answer(
            key=self.key,
            id=self.key,
            system=self.candidate.name,
            item=Item(id=self.key, prompt=self.prompt),
            outcome="ok" if isinstance(came, Reply) else came,
            response=(reply.text or reply.refusal or "") if reply else "",
            finish=ending(reply) if reply else None,
            provenance=reply.provenance if reply else "LIVE",
            served_model=reply.served_model if reply else None,
            **spent(attempts),
        )


@dataclass(kw_only=True)
class Asker:
    """The models of a room, opened when first asked."""

    desk: Desk
    candidate: Candidate
    judge: Judge | None = None
    edition: Edition | None = None
    """The rubric under which the judge gives its opinion."""
    max_calls: int | None = None
    deadline: float = 120.0
    _models: dict[str, Model] = field(default_factory=dict[str, Model])
    _serials: "itertools.count[int] | None" = None
    _budget: Budget | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def reply(self, turns: Sequence[Turn], prompt: str) -> Turn | None:
        """Put the next turn to the model under test; None where it could not be reached."""
        made = await self._asked(
            Talk(candidate=self.candidate, turns=tuple(turns), prompt=prompt), self.candidate
        )
        if not isinstance(made, Answer) or made.outcome != "ok":
            return None
        return Turn(
            prompt=prompt,
            response=made.response,
            provenance=made.provenance,
            served_model=made.served_model,
        )

    async def opinion(self, turns: Sequence[Turn], *, lang: Language) -> str:
        """Ask the judge about the last turn, in words of a language; empty where there is none."""
        if self.judge is None or self.edition is None:
            return ""
        *earlier, last = turns
        before = "\n\n".join(f"{turn.prompt}\n{turn.response}" for turn in earlier)
        generation = Generation(
            id="turn", prompt=f"{before}\n\n{last.prompt}".strip(), response=last.response
        )
        tasks = pointwise.tasks([generation], Forms([self.edition], [self.judge]))
        made = await self._asked(next(iter(tasks)), self.judge)
        if not isinstance(made, Judgment):
            return ""
        return " · ".join(_said(each, self.edition(lang), lang) for each in made.verdicts)

    async def close(self) -> None:
        """Close the ways to the models."""
        for model in self._models.values():
            await model.close()

    async def _asked(self, task: Task, asked: Candidate | Judge) -> Made | None:
        made: list[Made] = []
        async with self._turn:
            if self._serials is None or self._budget is None:
                await self._begin()
        assert self._serials is not None  # noqa: S101 - set just above
        assert self._budget is not None  # noqa: S101 - as above

        async def keep(*writes: Write) -> None:
            made.extend(each for each in writes if isinstance(each, Answer | Judgment))
            calls = [each for each in writes if isinstance(each, AttemptStarted | AttemptEnded)]
            if calls:
                await run_in_threadpool(self.desk.store.write, self.desk.run, calls)

        bench = Bench(
            models={task.asks: self._model(asked)},
            keep=keep,
            budget=self._budget,
            limits=Limits(Limit(concurrency=8)),
            deadline=self.deadline,
            first_serial=next(self._serials),
        )
        await ask_tasks(iter([task]), bench, workers=1, stop=asyncio.Event())
        return made[0] if made else None

    async def _begin(self) -> None:
        store, run = self.desk.store, self.desk.run
        last = await run_in_threadpool(store.last_serial, run)
        calls, usd = await run_in_threadpool(store.spent, run)
        self._serials = itertools.count(last + 1, SERIALS_A_CALL)
        self._budget = Budget(max_calls=self.max_calls, calls=calls, usd=usd)

    def _model(self, asked: Candidate | Judge) -> Model:
        name = f"{type(asked).__name__}:{asked.name}"
        if name not in self._models:
            self._models[name] = open_model(asked).model
        return self._models[name]


def _said(verdict: Verdict, rubric: Rubric, lang: Language) -> str:
    """Say a verdict as a person reads it: the criterion and the level, by name where it has one."""
    criterion, say = rubric.criterion(verdict.criterion), speaker(lang)
    if verdict.kind != "scored":
        return say("attack.says", title=criterion.title, level=say("attack.unscored"))
    (meant,) = (each.text for each in criterion.scale.anchors if each.score == verdict.score)
    name = criterion.scale.names().get(verdict.score)
    return say("attack.says", title=criterion.title, level=name or f"{verdict.score} ({meant})")
