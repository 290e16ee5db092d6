"""The one owner of retries: when a call is made again, after which wait, and how often at most.

Only a `TransportError` is retried as it was. A setting or a way of asking that the model refuses is
replaced at once (`judge.models.base`), an empty reply is asked for once more one rung lower, and
a truncated one with twice the tokens; all of it counts as attempts, so that the number of HTTP
calls never passes the limit.
"""

import random
from typing import Protocol

from pydantic import Field
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from judge.errors import (
    AddressRejected,
    DeadlineExceeded,
    ModelError,
    ModelLoading,
    ProviderFailed,
    RateLimited,
    TransportError,
)
from judge.models.base import DialectLearner, Model, Question, Reply
from judge.models.limits import Limits, ProviderGate
from judge.records import Outcome, Record, Rung

CHARACTERS_A_TOKEN = 2
"""Guess for mixed Chinese and English text, used only where a limit on tokens is set."""


class RetryPolicy(Record):
    """How a failed call is repeated. All waits are seconds."""

    max_attempts: int = Field(default=4, ge=1)
    """HTTP calls for one question, whatever happens."""
    base_wait: float = Field(default=1.0, ge=0)
    """Longest wait before the first retry; it doubles with each further one."""
    max_wait: float = Field(default=30.0, ge=0)
    longest_retry_after: float = Field(default=120.0, ge=0)
    """A provider that asks to wait longer is not waited for."""
    loading_wait: float = Field(default=3.0, ge=0)
    """Wait before the first retry while a server loads its model; four times as long with each
    further one, and nobody else calls meanwhile."""
    spread: float = Field(default=0.2, ge=0, le=1)
    """Random addition to a wait that a provider asked for, as a fraction of it."""


class Ledger(Protocol):
    """Where each HTTP call is written down: before it is made, and when it has ended."""

    async def before(self, number: int, rung: Rung) -> None:
        """Note that call ``number`` (from 1) is about to be made; may refuse by raising."""
        ...

    async def after(
        self, number: int, *, outcome: Outcome, reply: Reply | None, latency_ms: float, detail: str
    ) -> None:
        """Note how call ``number`` ended."""
        ...


class _NextStep(Exception):  # noqa: N818 - a signal between this file's functions, not an error
    """The next call asks differently, and goes without a wait."""


async def ask_with_retries(
    model: Model,
    question: Question,
    *,
    policy: RetryPolicy,
    limits: Limits,
    ledger: Ledger,
    dice: random.Random,
) -> Reply:
    """Put a question to a model until it replies or the policy is exhausted.

    Parameters
    ----------
    model : Model
    question : Question
        Its rung is where the ladder starts.
    policy : RetryPolicy
    limits : Limits
        Gates shared by all callers; their clock also times the waits.
    ledger : Ledger
        Told of each HTTP call before and after it.
    dice : random.Random
        Spreads the waits.

    Returns
    -------
    Reply
        Possibly truncated: then the provider cut it twice, or no attempt was left.

    Raises
    ------
    ModelError
        The last call's, when no call replied.
    """
    course = _Course(model, question, policy=policy, limits=limits, ledger=ledger, dice=dice)
    try:
        return await course.call()
    except (_NextStep, ModelError) as error:
        course.pending = error
    try:
        return await _retrying(course, policy, limits)(course.call)
    except (_NextStep, ModelError) as error:
        if course.unusable is not None:
            return course.unusable
        if isinstance(error, _NextStep) and isinstance(error.__cause__, ModelError):
            raise error.__cause__ from None
        raise


def _retrying(course: "_Course", policy: RetryPolicy, limits: Limits) -> AsyncRetrying:
    return AsyncRetrying(
        stop=stop_after_attempt(policy.max_attempts),
        retry=retry_if_exception(course.may_retry),
        wait=course.wait,
        sleep=limits.clock.sleep,
        reraise=True,
    )


class _Course:
    """One question on its way: what to ask next, and what came so far."""

    def __init__(
        self,
        model: Model,
        question: Question,
        *,
        policy: RetryPolicy,
        limits: Limits,
        ledger: Ledger,
        dice: random.Random,
    ) -> None:
        self.unusable: Reply | None = None
        """The latest reply that was cut or empty; better than none."""
        self.pending: _NextStep | ModelError | None = None
        self._model = model
        self._dialects: DialectLearner = limits.dialects(model)
        self._question = self._dialects.first(question, model)
        self._doubled = self._lowered = False
        self._policy = policy
        self._gate: ProviderGate = limits.gate(model.provider)
        self._clock = limits.clock
        self._ledger = ledger
        self._dice = dice
        self._number = 0

    async def call(self) -> Reply:
        """Make one HTTP call, write it down, and decide what follows from it.

        Most calls succeed at once, and setting up retries costs as much as the call. So the first
        is made without them, and its failure is raised again, from ``pending``, within them.
        """
        if self.pending is not None:
            pending, self.pending = self.pending, None
            raise pending
        self._number += 1
        came, latency_ms = await self._make_call()
        await self._ledger.after(
            self._number,
            outcome=_outcome(came),
            reply=came if isinstance(came, Reply) else None,
            latency_ms=latency_ms,
            detail=str(came) if isinstance(came, ModelError) else "",
        )
        if isinstance(came, ModelError):
            self._adapt(came)
            raise came
        self._dialects.answered(self._question, came)
        return self._ask_again(came)

    async def _make_call(self) -> tuple[Reply | ModelError, float]:
        started = await self._gate.enter(_tokens_guess(self._question))
        try:
            await self._ledger.before(self._number, self._question.rung)
            begun = self._clock.now()
            try:
                came = await self._model.ask(self._question)
            except ModelError as error:
                came = error
            self._note(came, started)
        finally:
            self._gate.leave()
        return came, (self._clock.now() - begun) * 1000.0

    def _note(self, came: Reply | ModelError, started: float) -> None:
        if isinstance(came, RateLimited | ProviderFailed | DeadlineExceeded):
            longest = self._policy.longest_retry_after
            pause = None if came.retry_after is None else min(came.retry_after, longest)
            if pause is None and isinstance(came, ModelLoading):
                pause = self._loading_wait()
            self._gate.pushed_back(started, pause)
        elif not isinstance(came, TransportError):
            self._gate.succeeded(started)

    def _loading_wait(self) -> float:
        longest = self._policy.longest_retry_after
        return min(self._policy.loading_wait * 4.0 ** (self._number - 1), longest)

    def _adapt(self, error: ModelError) -> None:
        """Put the question as the model takes it, where the refusal says what it does not take."""
        if isinstance(error, AddressRejected) and error.elsewhere:
            raise _NextStep from error
        changed = self._dialects.next(self._question, error, self._model)
        if changed is not None:
            self._question = changed
            raise _NextStep from error

    def _ask_again(self, reply: Reply) -> Reply:
        """Ask once more for a reply that was cut or empty; give back any other."""
        if reply.finish_reason == "length" and not self._doubled:
            self._doubled = True
            tokens = self._question.max_tokens * 2
            changed = self._question.model_copy(update={"max_tokens": tokens})
        elif self._is_empty(reply) and not self._lowered:
            self._lowered = True
            changed = self._dialects.lower(self._question, self._model)
        else:
            return reply
        if changed is None:
            return reply
        self.unusable, self._question = reply, changed
        raise _NextStep

    def _is_empty(self, reply: Reply) -> bool:
        said = reply.answered or reply.refusal or reply.leaked or reply.contradiction
        return (
            not said
            and self._question.reply_schema is not None
            and reply.finish_reason in (None, "stop", "tool_calls")
        )

    def may_retry(self, error: BaseException) -> bool:
        """Tell whether another call can help and is allowed."""
        if isinstance(error, _NextStep):
            return True
        if not isinstance(error, TransportError) or self._number >= self._policy.max_attempts:
            return False
        if (error.retry_after or 0.0) > self._policy.longest_retry_after:
            return False
        return isinstance(error, RateLimited | ModelLoading) or self._budget_allows()

    def _budget_allows(self) -> bool:
        allowed = self._gate.retries.spend()
        if not allowed:
            # So much fails that the provider is down: without a pause a run would burn through
            # its items, one call each.
            self._gate.pause(self._policy.base_wait)
        return allowed

    def wait(self, state: RetryCallState) -> float:
        """Give the seconds before the next call."""
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, _NextStep):
            return 0.0
        if isinstance(error, ModelLoading) and error.retry_after is None:
            return self._loading_wait()
        if isinstance(error, TransportError) and error.retry_after is not None:
            return error.retry_after * (1.0 + self._dice.random() * self._policy.spread)
        longest = self._policy.base_wait * 2.0 ** (state.attempt_number - 1)
        return min(longest, self._policy.max_wait) * self._dice.uniform(0.5, 1.0)


def _tokens_guess(question: Question) -> int:
    characters = sum(len(message.content) for message in question.messages)
    return characters // CHARACTERS_A_TOKEN + question.max_tokens


def _outcome(came: Reply | ModelError) -> Outcome:
    if isinstance(came, ModelError):
        return came.outcome
    if came.finish_reason == "length":
        return "unscored.truncated"
    if came.finish_reason == "content_filter":
        return "unscored.content_filtered"
    return "ok"
