"""What one model takes of the request, learnt from its own refusals within one run.

Servers of one protocol differ in the name of the token limit, in the settings that a model takes,
and in the ways of asking for JSON. A refusal changes the next call of the same question at once.
For the whole run it counts only from the second refusal on, since one failure may have many
causes, and from time to time the usual way is tried again.
"""

from collections import Counter
from typing import Literal

from judge.errors import ModelError, ParameterRejected, RungRejected
from judge.models.base import AS_USUAL, Dialect, Model, Question, Reply
from judge.records import Record, Rung

ENOUGH = 2
"""Refusals of a setting after which the run does without it."""

RETURN = 100
"""Questions after which the usual way is tried again; the number doubles with each refusal."""

TOKEN_LIMITS = ("max_tokens", "max_completion_tokens")

Refused = tuple[Literal["rung", "param"], str]
"""A way of asking, or a setting, that was refused."""


class Learnt(Record):
    """What a run has learnt of one model; kept with the run."""

    dialect: Dialect = AS_USUAL
    refused_rungs: tuple[Rung, ...] = ()


NOTHING = Learnt()


def described(learnt: Learnt) -> tuple[str, ...]:
    """Say in clauses what a model has been found not to take as it is usually sent."""
    dialect = learnt.dialect
    said = [f"asked without {rung}" for rung in learnt.refused_rungs]
    if dialect.token_limit != AS_USUAL.token_limit:
        said.append(f"{dialect.token_limit or 'nothing'} in place of {AS_USUAL.token_limit}")
    said += [f"{name} {value:g}" for name, value in dialect.values]
    said += [f"{name} left out" for name in dialect.omit]
    return tuple(said)


class DialectLearner:
    """Keep what the refusals of one model have taught, for all questions of a run.

    Parameters
    ----------
    learnt : Learnt or None
        What an earlier part of the run had learnt.
    """

    def __init__(self, learnt: Learnt | None = None) -> None:
        self._learnt = learnt or NOTHING
        self._refusals: Counter[Refused] = Counter()
        self._asked = 0
        self._return_at = RETURN

    @property
    def learnt(self) -> Learnt:
        """What holds for the run now."""
        return self._learnt

    def first(self, question: Question, model: Model) -> Question:
        """Put a question as the model takes it, as far as is known."""
        if self._learnt is NOTHING:
            return question
        self._asked += 1
        if self._asked >= self._return_at:
            # One question goes the usual way; it costs a call or two if nothing has changed.
            self._asked, self._return_at = 0, self._return_at * 2
            return question
        rungs = _from(question.rung, model)
        rung = next((each for each in rungs if each not in self._learnt.refused_rungs), rungs[-1])
        return question.model_copy(update={"rung": rung, "dialect": self._learnt.dialect})

    def next(self, question: Question, error: ModelError, model: Model) -> Question | None:
        """Change a question after a refusal of one of its settings; None where nothing is left."""
        changed = _changed(question, error, model)
        if isinstance(error, ParameterRejected):
            self._count(("param", error.param), changed)
        elif isinstance(error, RungRejected):
            self._count(("rung", question.rung), changed)
        return changed

    def lower(self, question: Question, model: Model) -> Question | None:
        """Put a question one rung lower, where the reply to it was empty."""
        changed = _lower(question, model)
        self._count(("rung", question.rung), changed)
        return changed

    def answered(self, question: Question, reply: Reply) -> None:
        """Note that a question was answered: what it used is taken after all."""
        if not reply.answered or (not self._refusals and self._learnt is NOTHING):
            return
        del self._refusals["rung", question.rung]
        if question.rung in self._learnt.refused_rungs:
            left = tuple(rung for rung in self._learnt.refused_rungs if rung != question.rung)
            self._learn(refused_rungs=left)
        if question.dialect == AS_USUAL:
            self._refusals = Counter({k: n for k, n in self._refusals.items() if k[0] == "rung"})
            self._learn(dialect=AS_USUAL)

    def _count(self, refused: Refused, changed: Question | None) -> None:
        self._refusals[refused] += 1
        if changed is None or self._refusals[refused] < ENOUGH:
            return
        if refused[0] == "rung":
            rungs = tuple(dict.fromkeys((*self._learnt.refused_rungs, refused[1])))
            self._learn(refused_rungs=rungs)
        else:
            self._learn(dialect=changed.dialect)

    def _learn(self, **changes: object) -> None:
        changed = self._learnt.model_copy(update=changes)
        self._learnt = NOTHING if changed == NOTHING else changed


def _changed(question: Question, error: ModelError, model: Model) -> Question | None:
    if isinstance(error, RungRejected):
        return _lower(question, model)
    if not isinstance(error, ParameterRejected):
        return None
    dialect = without_setting(question.dialect, error.param, error.value)
    return None if dialect is None else question.model_copy(update={"dialect": dialect})


def _from(rung: Rung, model: Model) -> tuple[Rung, ...]:
    rungs = model.rungs
    return rungs[rungs.index(rung) :] if rung in rungs else (rung,)


def _lower(question: Question, model: Model) -> Question | None:
    left = _from(question.rung, model)[1:]
    return question.model_copy(update={"rung": left[0]}) if left else None


def without_setting(dialect: Dialect, param: str, value: float | None) -> Dialect | None:
    """Change a dialect so that a refused setting is not sent as it was; None where it was not sent.

    The token limit takes its other name first, and is left out when that is refused too. Other
    settings take the only value that the provider named, or are left out.
    """
    if param in TOKEN_LIMITS:
        other = TOKEN_LIMITS[1 - TOKEN_LIMITS.index(param)]
        limit = None if other in dialect.refused else other
        return dialect.model_copy(
            update={"token_limit": limit, "refused": (*dialect.refused, param)}
        )
    if param in dialect.omit:
        return None
    if value is not None and param not in dict(dialect.values):
        return dialect.model_copy(update={"values": (*dialect.values, (param, value))})
    return dialect.model_copy(update={"omit": (*dialect.omit, param)})
