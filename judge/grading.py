"""One question to one judge: what is asked, and how the reply becomes verdicts.

A `Task` holds everything that the question is made of, so that graders of different kinds
(one response at a time, two at a time) share the way to the judge and back.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypedDict

from pydantic import BaseModel

from judge import prompts
from judge.content import has_content
from judge.detection import flags_of
from judge.keys import digest, model_digest
from judge.models.base import Question, Reply
from judge.parsing import Unreadable, read_reply
from judge.prompts import trusted_digest
from judge.records import (
    Answer,
    Attempt,
    Generation,
    Judge,
    Judgment,
    Reason,
    Unscored,
    Usage,
    Verdict,
)

Order = Literal["single", "forward", "backward"]
ReadReply = Callable[[BaseModel], tuple[Verdict, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What all questions of one rubric, language and group have in common."""

    rubric: str
    rubric_hash: str
    language: str
    trusted: str
    reply_model: type[BaseModel]
    reply_schema: Mapping[str, object]
    criteria: tuple[str, ...]
    read: ReadReply

    @property
    def prompt_digest(self) -> str:
        """Digest of the trusted part of the call."""
        return trusted_digest(self.trusted, self.reply_schema)


REFUSALS = frozenset({"unscored.judge_refused", "unscored.content_filtered"})
"""Outcomes that another frame or another judge may spare; they are not missing at random."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is asked when a judge has declined: in another frame, or another judge."""

    flag: str
    """The remark that a judgment made this way carries."""
    form: Form
    judge: Judge


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One judgment to be made."""

    generation: Generation
    """What is judged; in pairwise grading its system names both."""
    material: Mapping[str, str]
    form: Form
    judge: Judge
    key: str
    repeat: int = 0
    order: Order = "single"
    ladder: tuple[Step, ...] = ()
    """What is left to be tried if the judge declines."""
    step: Step | None = None
    """What is tried now, where the judge has declined before."""

    @property
    def asks(self) -> str:
        """Name of the judge that is asked."""
        return (self.step or self).judge.name

    def question(self, nonce: str) -> Question:
        """Build the call."""
        asked = self.step or self
        return prompts.question(
            asked.judge,
            asked.form.trusted,
            self.material,
            reply_schema=asked.form.reply_schema,
            nonce=nonce,
        )

    def foregone(self) -> Judgment | None:
        """Give the judgment that needs no call: there is nothing to be judged."""
        response = self.material.get("response")
        if response is None or has_content(response):
            return None
        return judgment(self, no_verdicts(self, "skipped.no_content"), attempts=())

    def concluded(
        self, attempts: Sequence[Attempt], came: Reply | Reason, *, nonce: str
    ) -> Judgment:
        """Make the judgment of a reply, or of the reason why there is none."""
        noticed = flags_of(self.material) + ((self.step.flag,) if self.step else ())
        if not isinstance(came, Reply):
            return judgment(self, no_verdicts(self, came), attempts=attempts, flags=noticed)
        verdicts, flags = read_verdicts(self, came, canaries=(nonce,))
        return judgment(self, verdicts, attempts=attempts, reply=came, flags=(*noticed, *flags))

    def otherwise(self, made: Judgment | Answer) -> "Task | None":
        """Give what to try in place of a refusal; None where it is none or nothing is left.

        The key is another one: what was said to another question must not be taken over as if
        it had been said to this one.
        """
        if made.outcome not in REFUSALS or not self.ladder:
            return None
        step, *left = self.ladder
        shared = form_key(step.form, step.judge)
        key = digest([step.flag, task_key(shared, self.material, repeat=self.repeat)])
        return replace(self, key=key, step=step, ladder=tuple(left))

    @property
    def slot(self) -> tuple[str, ...]:
        """Which judgment of the run this is, as the store writes it."""
        unit = self.generation
        return (
            unit.id,
            unit.system,
            str(unit.sample),
            self.judge.name,
            self.form.rubric,
            str(self.repeat),
            self.order,
        )


def form_key(form: Form, judge: Judge) -> str:
    """Hash what a form and a judge contribute to the keys of all their tasks."""
    return digest([model_digest(judge), form.rubric_hash, form.prompt_digest])


def task_key(form_key: str, material: Mapping[str, str], *, repeat: int) -> str:
    """Hash exactly what can change a judgment's meaning.

    The order of two responses is part of the material, which names them by place.
    """
    return digest([form_key, dict(material), repeat])


def read_verdicts(
    task: Task, reply: Reply, *, canaries: tuple[str, ...]
) -> tuple[tuple[Verdict, ...], tuple[str, ...]]:
    """Read a reply into one verdict for each criterion, and remarks that change no score."""
    try:
        read = read_reply(reply, task.form.reply_model, canaries=canaries)
    except Unreadable as unreadable:
        return no_verdicts(task, unreadable.reason), ()
    verdicts = task.form.read(read)
    response = task.material.get("response")
    missing = response is not None and not all(quoted(v.evidence, response) for v in verdicts)
    return verdicts, ("evidence_not_found",) if missing else ()


def no_verdicts(task: Task, reason: Reason) -> tuple[Verdict, ...]:
    """Say the same reason for every criterion."""
    return tuple(Unscored(criterion=criterion, outcome=reason) for criterion in task.form.criteria)


def judgment(
    task: Task,
    verdicts: tuple[Verdict, ...],
    *,
    attempts: Sequence[Attempt],
    reply: Reply | None = None,
    flags: tuple[str, ...] = (),
) -> Judgment:
    """Put together the record of what one judge said."""
    unit = task.generation
    return Judgment(
        key=task.key,
        id=unit.id,
        system=unit.system,
        sample=unit.sample,
        group=unit.group,
        lang=unit.lang,
        judge=task.judge.name,
        rubric=task.form.rubric,
        rubric_hash=task.form.rubric_hash,
        repeat=task.repeat,
        order=task.order,
        verdicts=verdicts,
        flags=flags,
        provenance=reply.provenance if reply else "LIVE",
        served_model=reply.served_model if reply else None,
        rung=attempts[-1].rung if attempts else None,
        **spent(attempts),
    )


class Spent(TypedDict):
    """What all calls of one task cost together."""

    usage: Usage
    cost_usd: float | None
    latency_ms: float | None
    attempts: int


def spent(attempts: Sequence[Attempt]) -> Spent:
    """Add up the calls of one task; what is not known stays unknown."""
    return Spent(
        usage=_total(attempts),
        cost_usd=_cost(attempts),
        latency_ms=_latency(attempts),
        attempts=len(attempts),
    )


def quoted(evidence: str, response: str) -> bool:
    """Tell whether every part of a quotation stands in the response.

    White space, width, case and the marks around a quotation are not compared; an ellipsis
    stands for what was left out.
    """
    if evidence in response:
        return True
    text = _bare(response)
    return all(_bare(part) in text for part in _LEFT_OUT.split(evidence))


_LEFT_OUT = re.compile(r"…+|\.{3,}")
_MARKS = re.compile(r"[\W_]+")


def _bare(text: str) -> str:
    return _MARKS.sub("", unicodedata.normalize("NFKC", text).casefold())


def _total(attempts: Sequence[Attempt]) -> Usage:
    return Usage(
        prompt_tokens=_sum([attempt.usage.prompt_tokens for attempt in attempts]),
        completion_tokens=_sum([attempt.usage.completion_tokens for attempt in attempts]),
        cached_tokens=_sum([attempt.usage.cached_tokens for attempt in attempts]),
    )


def _sum(counts: Sequence[int | None]) -> int | None:
    """Add what is known; None when nothing is."""
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _cost(attempts: Sequence[Attempt]) -> float | None:
    """Add the costs of all calls that reached a model; None when one of them is not known."""
    costs = [attempt.cost_usd for attempt in attempts if attempt.usage.prompt_tokens is not None]
    return None if None in costs or not costs else sum(cost for cost in costs if cost is not None)


def _latency(attempts: Sequence[Attempt]) -> float | None:
    known = [attempt.latency_ms for attempt in attempts if attempt.latency_ms is not None]
    return sum(known) if known else None
