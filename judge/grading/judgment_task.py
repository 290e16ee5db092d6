"""One question to one judge: what is asked, and how the reply becomes verdicts.

A `Task` holds everything that the question is made of, so that graders of different kinds
(one response at a time, two at a time) share the way to the judge and back.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

from judge.conversation import tag_of
from judge.grading.decision_verdicts import with_token_probabilities
from judge.grading.prompt_injection import (
    POLICY,
    Material,
    contain,
    flags_of,
    has_content,
    texts_of,
)
from judge.grading.remarks import CACHED, PROMPT_CUT, was_cut
from judge.grading.reply_parsing import Unreadable, may_be_quoted, quoted
from judge.grading.windows import LEFT_OUT, NOT_FOUND, Dialogue, located
from judge.models.base import Message, Question, Reply
from judge.models.limits import spent
from judge.records import (
    Answer,
    Attempt,
    Generation,
    Judge,
    Judgment,
    Provenance,
    Reason,
    Unscored,
    Usage,
    Verdict,
    digest,
    model_digest,
    replaced,
)
from judge.records import worst as worst_stamp
from rubrics.prompt import TypedQuestion
from rubrics.rubric import JudgedUnit, Role

Order = Literal["single", "forward", "backward"]
ReadReply = Callable[[Reply, tuple[str, ...]], tuple[Verdict, ...]]
"""Turns a reply into one verdict for each criterion, or raises `Unreadable`; the texts are secrets
of the prompt, which a reply must not hold."""


@dataclass(frozen=True, slots=True)
class Worst:
    """Which of several scores is the worst, and which none can be worse than."""

    highest: bool
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What all questions of one rubric, language and group have in common."""

    rubric: str
    rubric_hash: str
    language: str
    trusted: str
    reply_schema: Mapping[str, object]
    criteria: tuple[str, ...]
    read: ReadReply
    asked: tuple[TypedQuestion, ...] | None = None
    """Typed questions, for a decision model."""
    unit: JudgedUnit = "reply"
    roles: tuple[Role, ...] = ("assistant",)
    levels: Mapping[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    """Levels of each criterion, where the tokens of the reply tell how likely each was."""
    criterion_roles: Mapping[str, tuple[Role, ...]] = field(
        default_factory=dict[str, tuple[Role, ...]]
    )
    """Whose turns decide each criterion."""
    worst: Mapping[str, Worst] = field(default_factory=dict[str, Worst])
    """By criterion, which of several scores counts where a unit is judged in several questions."""

    @property
    def prompt_digest(self) -> str:
        """Digest of what is ours in a call: instructions, schema and the layout of the material."""
        return digest([self.trusted, self.reply_schema, POLICY])


REFUSALS = frozenset({"unscored.judge_refused", "unscored.content_filtered"})
"""Outcomes that another frame or another judge may spare; they are not missing at random."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is asked when a judge has declined or is not sure: another frame, or another judge."""

    flag: str
    """The remark that a judgment made this way carries."""
    form: Form
    judge: Judge

    def helps(self, made: Judgment) -> bool:
        """Whether it is to be tried after what was made."""
        return made.outcome in REFUSALS


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationStep(Step):
    """The second judge of a cascade, asked where the first is not sure of a criterion."""

    criterion: str
    cut: float
    """Least certainty with which the first judge's verdict stands."""

    def helps(self, made: Judgment) -> bool:
        """Whether the first judge has no verdict, or is less certain of it than the cut."""
        if made.outcome.startswith(("error.", "skipped.")):
            return False
        verdict = next(one for one in made.verdicts if one.criterion == self.criterion)
        certainty = verdict.certainty if verdict.kind == "scored" else None
        return certainty is None or certainty < self.cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One judgment to be made."""

    generation: Generation
    """What is judged; in pairwise grading its system names both."""
    material: Material
    form: Form
    judge: Judge
    key: str
    dialogue: Dialogue | None = None
    """Which turns are graded, where the material is a conversation."""
    repeat: int = 0
    order: Order = "single"
    ladder: tuple[Step, ...] = ()
    """What is left to be tried if the judge declines."""
    step: Step | None = None
    """What is tried now, where the judge has declined before."""
    known: Judgment | None = None
    """What the judge said to the very same question in another run; it is not asked again."""

    @property
    def asks(self) -> str:
        """Name of the judge that is asked."""
        return (self.step or self).judge.name

    def question(self, nonce: str) -> Question:
        """Build the call."""
        asked = self.step or self
        question = question_to(
            asked.judge,
            asked.form.trusted,
            self.material,
            reply_schema=asked.form.reply_schema,
            nonce=nonce,
        )
        return replaced(question, asked=asked.form.asked, logprobs=bool(asked.form.levels))

    def foregone(self) -> Judgment | None:
        """Give the judgment that needs no call: it is known, or there is nothing to be judged."""
        if self.known is not None:
            return _copy(self.known, self.generation, rubric=self.form.rubric)
        if self._has_content():
            return None
        return judgment(self, no_verdicts(self, "skipped.no_content"), attempts=())

    def _has_content(self) -> bool:
        if self.dialogue is not None:
            return self.dialogue.has_content
        response = self.material.get("response")
        return not isinstance(response, str) or has_content(response)

    def recalled(self, known: Judgment) -> "Task":
        """Give what is left to be done where another run has the judgment of this key.

        What was declined before need not be declined again where there is a ladder.
        """
        return self.otherwise(known) or replace(self, known=known, ladder=())

    def concluded(
        self, attempts: Sequence[Attempt], came: Reply | Reason, *, nonce: str
    ) -> Judgment:
        """Make the judgment of a reply, or of the reason why there is none."""
        reply = (came.text or "") if isinstance(came, Reply) else ""
        noticed = flags_of(self.material, criteria=self.form.criteria, reply=reply)
        noticed += (self.step.flag,) if self.step else ()
        noticed += (LEFT_OUT,) if "omitted" in self.material else ()
        if not isinstance(came, Reply):
            return judgment(self, no_verdicts(self, came), attempts=attempts, flags=noticed)
        form = (self.step or self).form
        if was_cut(form.trusted, "\n".join(texts_of(self.material)), came.usage):
            noticed += (PROMPT_CUT,)
            if form.unit != "reply":
                # Which turns the judge has seen, nobody knows.
                verdicts = no_verdicts(self, "unscored.too_long")
                return judgment(self, verdicts, attempts=attempts, reply=came, flags=noticed)
        verdicts, flags = read_verdicts(self, came, form=form, canaries=(nonce,))
        return judgment(self, verdicts, attempts=attempts, reply=came, flags=(*noticed, *flags))

    def otherwise(self, made: Judgment | Answer) -> "Task | None":
        """Give what to try in place of a refusal; None where it is none or nothing is left.

        The key is another one: what was said to another question must not be taken over as if
        it had been said to this one.
        """
        if not isinstance(made, Judgment):
            return None
        place = next((at for at, one in enumerate(self.ladder) if one.helps(made)), None)
        if place is None:
            return None
        step, left = self.ladder[place], self.ladder[place + 1 :]
        shared = form_key(step.form, step.judge)
        key = digest([step.flag, task_key(shared, self.material, repeat=self.repeat)])
        return replace(self, key=key, step=step, ladder=left)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedTask(Task):
    """One judgment that is made of several questions: windows, or with and without a reference.

    The parts are asked one after the other, each with its own way down its ladder. Of several
    scores of one criterion the worst counts.
    """

    parts: tuple[Task, ...]
    """Empty where nothing has to be asked, or what there is cannot be shown."""
    fixed: tuple[Verdict, ...] = ()
    """Verdicts on criteria that no judge is asked for."""
    at: int = 0
    part: Task | None = None
    """What is asked now, where it is not the part itself but a step of its ladder."""
    done: tuple[Judgment, ...] = ()
    """What was said to the parts before."""

    @property
    def _now(self) -> Task:
        return self.part or self.parts[self.at]

    @property
    def asks(self) -> str:
        """Name of the judge that is asked."""
        return self._now.asks

    def question(self, nonce: str) -> Question:
        """Build the call of the current part."""
        return self._now.question(nonce)

    def foregone(self) -> Judgment | None:
        """Give the judgment that needs no call."""
        # Not super(): dataclasses with slots make the class anew, and it would not be found.
        if self.known is not None:
            return Task.foregone(self)
        if self.parts and self._has_content():
            return None
        missing: Reason = "unscored.too_long" if self._has_content() else "skipped.no_content"
        return judgment(self, self._joined((), missing), attempts=())

    def recalled(self, known: Judgment) -> "Task":
        """Take over what another run knows, unless it was declined and there is a ladder."""
        if known.outcome in REFUSALS and any(part.ladder for part in self.parts):
            return self
        return replace(self, known=known)

    def concluded(
        self, attempts: Sequence[Attempt], came: Reply | Reason, *, nonce: str
    ) -> Judgment:
        """Make the judgment of the current part; after the last one, that of the whole."""
        made = self._now.concluded(attempts, came, nonce=nonce)
        if self._next(made) is not None:
            return made
        every = (*self.done, made)
        flags = tuple(dict.fromkeys(flag for each in every for flag in each.flags))
        stamps: set[Provenance] = {each.provenance for each in every}
        missing: Reason = "unscored.too_long" if made.outcome == "ok" else made.outcome
        verdicts = self._joined(every, missing)
        whole = judgment(self, verdicts, attempts=attempts, flags=flags)
        return replaced(
            whole,
            key=self._key_of(every),
            provenance=worst_stamp(stamps),
            served_model=made.served_model,
            windows=max(Counter(part.form.trusted for part in self.parts).values()),
        )

    def _key_of(self, every: Sequence[Judgment]) -> str:
        """Name what was asked: the planned questions, or those of the ladders in their place."""
        planned = tuple(part.key for part in self.parts)
        asked = tuple(each.key for each in every)
        return joined_key(planned) if asked == planned else joined_key((*asked, "ladder"))

    def _joined(self, made: Sequence[Judgment], missing: Reason) -> tuple[Verdict, ...]:
        """Choose the verdict that counts on each criterion, with a reason where there is none."""
        given = [*self.fixed, *(verdict for each in made for verdict in each.verdicts)]
        by_criterion = {
            criterion: [verdict for verdict in given if verdict.criterion == criterion]
            for criterion in self.form.criteria
        }
        return tuple(
            worst_of(found, self.form.worst[criterion])
            if found
            else Unscored(criterion=criterion, outcome=missing)
            for criterion, found in by_criterion.items()
        )

    def otherwise(self, made: Judgment | Answer) -> "Task | None":
        """Give the next step of the part's ladder, or the next part; None when all are done."""
        return self._next(made) if isinstance(made, Judgment) else None

    def _next(self, made: Judgment) -> "JoinedTask | None":
        if made.key != self._now.key:
            # It is the judgment of the whole.
            return None
        step = self._now.otherwise(made)
        if step is not None:
            return replace(self, key=step.key, part=step)
        if self.at + 1 == len(self.parts) or made.outcome.startswith(("error.", "skipped.")):
            return None
        at = self.at + 1
        key = self.parts[at].key
        return replace(self, key=key, at=at, part=None, done=(*self.done, made))


def single_questions(tasks: Iterable[Task]) -> Iterator[Task]:
    """Give the questions of each task one by one."""
    for task in tasks:
        if isinstance(task, JoinedTask):
            yield from task.parts
        else:
            yield task


def joined_key(keys: Sequence[str]) -> str:
    """Hash the keys of several questions into that of the judgment that they make."""
    return digest(["joined", list(keys)])


def worst_of(verdicts: Sequence[Verdict], scale: Worst) -> Verdict:
    """Choose the verdict that counts of several on one criterion.

    The worst score does, and of equal ones the first. Where one is missing, the others cannot say
    that nothing worse would have come, unless one of them is at the end of the scale.
    """
    scored = [verdict for verdict in verdicts if verdict.kind == "scored"]
    missing = [verdict for verdict in verdicts if verdict.kind == "unscored"]
    if missing and all(verdict.score != scale.limit for verdict in scored):
        return missing[0]
    return (max if scale.highest else min)(scored, key=lambda verdict: verdict.score)


def question_to(
    judge: Judge,
    trusted: str,
    material: Material,
    *,
    reply_schema: Mapping[str, object],
    nonce: str,
) -> Question:
    """Build the call that asks a judge for one structured reply.

    The trusted message is the same for every item of a group, so that providers can cache it, and
    so that a test can compare it byte for byte between a harmless and a hostile item.

    Parameters
    ----------
    judge : Judge
        Whose settings apply.
    trusted : str
        The rubric's text.
    material : mapping
        Everything that a data set or a model wrote.
    reply_schema : mapping
        JSON schema of the reply.
    nonce : str
        The boundary code of this call.
    """
    # Every value was checked when the judge and the item were read.
    return replaced(
        _QUESTION,
        messages=(
            _instructions(trusted),
            replaced(_MATERIAL, content=contain(material, nonce=nonce)),
        ),
        reply_schema=reply_schema,
        temperature=judge.temperature,
        max_tokens=judge.max_tokens,
        seed=judge.seed,
    )


_QUESTION = Question(messages=())
_MATERIAL = Message(role="user", content="")


@lru_cache(maxsize=256)
def _instructions(trusted: str) -> Message:
    return Message(role="system", content=trusted)


def _copy(known: Judgment, unit: Generation, *, rubric: str) -> Judgment:
    """Give the judgment of this unit that was made of another, or in another run.

    Verdicts, provenance and served model stay; no calls, tokens and cost, for this run spent none.
    """
    return known.model_copy(
        update={
            "id": unit.id,
            "system": unit.system,
            "sample": unit.sample,
            "group": unit.group,
            "lang": tag_of(unit),
            "session": unit.session,
            "turn": unit.turn,
            # A search for a better rubric keeps its judgments under names of its own.
            "rubric": rubric,
            "flags": tuple(dict.fromkeys((*known.flags, CACHED))),
            "usage": Usage(prompt_tokens=0, completion_tokens=0, cached_tokens=0),
            "cost_usd": 0.0,
            "latency_ms": None,
            "attempts": 0,
        }
    )


def form_key(form: Form, judge: Judge) -> str:
    """Hash what a form and a judge contribute to the keys of all their tasks."""
    return digest([model_digest(judge), form.rubric_hash, form.prompt_digest])


def task_key(form_key: str, material: Material, *, repeat: int) -> str:
    """Hash exactly what can change a judgment's meaning.

    The order of two responses is part of the material, which names them by place.
    """
    return digest([form_key, dict(material), repeat])


def read_verdicts(
    task: Task, reply: Reply, *, form: Form, canaries: tuple[str, ...]
) -> tuple[tuple[Verdict, ...], tuple[str, ...]]:
    """Read a reply into one verdict for each criterion, and remarks that change no score."""
    if may_be_quoted(reply, texts_of(task.material)):
        return no_verdicts(task, "unscored.parse_ambiguous"), ()
    try:
        verdicts = form.read(reply, canaries)
    except Unreadable as unreadable:
        return no_verdicts(task, unreadable.reason), ()
    if form.levels:
        threshold = (task.step or task).judge.threshold
        verdicts = with_token_probabilities(
            verdicts, reply, levels=form.levels, threshold=threshold
        )
    if task.dialogue is not None:
        return located(verdicts, task.dialogue)
    response = task.material.get("response")
    missing = isinstance(response, str) and not all(quoted(v.evidence, response) for v in verdicts)
    return verdicts, (NOT_FOUND,) if missing else ()


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
    # Of records and verdicts that were checked as they were made.
    return replaced(
        _JUDGMENT,
        key=task.key,
        id=unit.id,
        system=unit.system,
        sample=unit.sample,
        group=unit.group,
        lang=tag_of(unit),
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
        session=unit.session,
        turn=unit.turn,
        **spent(attempts),
    )


_JUDGMENT = Judgment(
    key="",
    id="",
    system="",
    sample=0,
    group=None,
    lang=None,
    judge="",
    rubric="",
    rubric_hash="",
    verdicts=(),
    provenance="LIVE",
)
