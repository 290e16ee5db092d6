"""Grade responses one at a time."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel

import rubrics
from judge.conversation import exchange, is_judged, is_plain, tag_of
from judge.errors import ConfigError
from judge.grading.decision_verdicts import read_decisions
from judge.grading.judgment_task import (
    EscalationStep,
    Form,
    JoinedTask,
    Step,
    Task,
    Worst,
    form_key,
    joined_key,
    task_key,
)
from judge.grading.prompt_injection import Material
from judge.grading.remarks import ESCALATED, NEUTRAL, SECOND
from judge.grading.reply_parsing import read_reply
from judge.grading.windows import WINDOW, Dialogue, materials, session_of, turn_of
from judge.manifest import AS_IT_IS, OnRefusal
from judge.records import (
    Escalation,
    Generation,
    Judge,
    Scored,
    Unscored,
    Verdict,
    replaced,
)
from rubrics import RubricError
from rubrics.library import fitting, load_editions
from rubrics.load import load_as
from rubrics.reply_schema import criterion_readings, rubric_digest
from rubrics.rubric import Criterion, Language, Rubric, frame_language
from rubrics.rules import RuleReading, RuleWording, apply_rule

Edition = Callable[[str | None], Rubric]
"""Gives the edition of a rubric for an item's language, a tag; None where nobody knows it."""


def edition_of(
    ref: str | Path | Rubric, *, forced: str | None = None, default: str = "en"
) -> Edition:
    """Make what chooses the edition of a rubric.

    Parameters
    ----------
    ref : str, Path or Rubric
        As for `rubrics.library.load_editions`, or the rubric itself, then used for every item.
    forced : str or None
        The language in which every item is judged.
    default : str
        The language for items whose language the rubric lacks.

    Raises
    ------
    RubricError
        If the rubric has no edition in the forced language, or is none.
    """
    if isinstance(ref, Rubric):
        return lambda _: ref
    editions = load_editions(ref)
    if forced is None or len(editions) == 1:
        return lambda tag: fitting(editions, tag, default=default)
    chosen = editions.get(forced) or editions.get(forced.split("-", 1)[0])
    if chosen is None:
        raise RubricError(
            f"rubric {str(ref)!r} has no edition in {forced!r}",
            fix=f"choose {' or '.join(editions)}",
        )
    return lambda _: chosen


def form(rubric: Rubric, group: str | None, *, conversation: bool = False) -> Form:
    """Make the common part of all questions of a rubric and group.

    Parameters
    ----------
    rubric : Rubric
    group : str or None
    conversation : bool
        Whether the material is a conversation rather than a prompt and a response.
    """
    from rubrics import prompt

    reply_model, reply_schema = _reply_of(rubric, conversation=conversation)
    render = prompt.render_conversation if conversation else prompt.render
    return Form(
        rubric=rubric.id,
        rubric_hash=rubric_digest(rubric),
        language=rubric.language,
        trusted=render(rubric, group=group),
        reply_schema=reply_schema,
        criteria=tuple(criterion.id for criterion in rubric.criteria),
        unit=rubric.unit,
        roles=rubric.roles,
        criterion_roles={each.id: rubric.roles_of(each) for each in rubric.criteria},
        worst={criterion.id: _worst(criterion) for criterion in rubric.criteria},
        read=lambda reply, canaries: read(
            rubric, read_reply(reply, reply_model, canaries=canaries)
        ),
    )


def _reply_of(
    rubric: Rubric, *, conversation: bool
) -> tuple[type[BaseModel], Mapping[str, object]]:
    from rubrics import reply_schema as schemas

    if not conversation:
        return schemas.reply_model(rubric), schemas.reply_schema(rubric)
    if rubric.unit == "session":
        return schemas.session_model(rubric), schemas.session_schema(rubric)
    return schemas.reply_model(rubric), schemas.turn_schema(rubric)


def _worst(criterion: Criterion) -> Worst:
    """Say which of several scores counts; where neither end is bad, the one that says most."""
    highest = criterion.direction != "higher_is_better"
    return Worst(highest, criterion.scale.max if highest else criterion.scale.min)


def form_for(
    judge: Judge, rubric: Rubric, group: str | None, *, conversation: bool = False
) -> Form:
    """Make the form in which a judge is asked: for text, or with typed questions."""
    plain = form(rubric, group, conversation=conversation)
    if judge.api == "chat":
        return plain
    if judge.api == "logprobs":
        levels = {criterion.id: criterion.scale.levels for criterion in rubric.asked}
        return replace(plain, levels=levels)
    # Here, since the wire brings an HTTP client along, which `--help` must not load.
    from judge.models.decision_wire import check_limits
    from rubrics import prompt

    asked = prompt.questions(rubric)
    check_limits(asked)
    return replace(
        plain,
        trusted=prompt.render_brief(rubric, group=group, conversation=conversation),
        reply_schema={"questions": [one.model_dump(mode="json") for one in asked]},
        read=partial(read_decisions, asked, threshold=judge.threshold),
        asked=asked,
    )


def read(rubric: Rubric, reply: BaseModel) -> tuple[Verdict, ...]:
    """Turn a valid reply into one verdict for each criterion."""
    # Every value was checked with the reply.
    return tuple(
        replaced(
            _SCORED,
            criterion=reading.criterion,
            score=reading.score,
            rationale=reading.reasoning,
            evidence=reading.evidence,
            turn=reading.turn,
        )
        if reading.score is not None
        else Unscored(
            criterion=reading.criterion,
            outcome="unscored.cannot_assess",
            rationale=reading.reasoning,
            evidence=reading.evidence,
            turn=reading.turn,
        )
        for reading in criterion_readings(rubric, reply)
    )


_SCORED = Scored(criterion="", score=0, rationale="", evidence="", turn=None)


# Which questions a rubric asks of a unit: one as a rule; several where some criteria must not see
# the reference that others need, and none for what is computed or has no reference to compare with.


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One question of a rubric: its form with the digest that form and judge share."""

    form: Form
    shared: str
    ladder: tuple[Step, ...]
    sees_reference: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One rubric put to one judge."""

    rubric: Rubric
    whole: Form
    judge: Judge
    parts: tuple[Part, ...]
    fixed: tuple[Verdict, ...]
    """Verdicts on criteria that no judge can be asked for."""
    conversation: bool
    window: int
    """Characters of a window of a long conversation."""

    @property
    def simple(self) -> bool:
        """Whether one question asks for all criteria."""
        return len(self.parts) == 1 and not self.fixed and not self.rubric.ruled

    def task(self, generation: Generation, *, repeat: int) -> Task:
        """Plan the judgment of a unit."""
        if self.simple and not self.conversation:
            (part,) = self.parts
            reference = generation.reference if part.sees_reference else None
            return self._part_task(part, generation, exchange(generation, reference), repeat=repeat)
        return self._joined(generation, tuple(self._tasks(generation, repeat)), repeat=repeat)

    def _tasks(self, generation: Generation, repeat: int) -> Iterator[Task]:
        dialogue = self._dialogue(generation)
        for part in self.parts:
            reference = generation.reference if part.sees_reference else None
            if dialogue is None:
                shown: tuple[Material, ...] = (exchange(generation, reference),)
            elif not dialogue.judged:
                shown = ({"conversation": []},)
            else:
                shown = materials(dialogue, limit=self.window, reference=reference)
            if not shown:
                # What cannot be shown whole is not judged by a part of its criteria either.
                return
            for each in shown:
                yield self._part_task(part, generation, each, repeat=repeat, dialogue=dialogue)

    def _dialogue(self, generation: Generation) -> Dialogue | None:
        if not self.conversation:
            return None
        if self.whole.unit == "session":
            return session_of(generation, self.whole.criterion_roles)
        return turn_of(generation, self.whole.roles)

    def _part_task(
        self,
        part: Part,
        generation: Generation,
        shown: Material,
        *,
        repeat: int,
        dialogue: Dialogue | None = None,
    ) -> Task:
        return Task(
            generation=generation,
            material=shown,
            form=part.form,
            judge=self.judge,
            key=task_key(part.shared, shown, repeat=repeat),
            repeat=repeat,
            ladder=part.ladder,
            dialogue=dialogue,
        )

    def _joined(self, generation: Generation, parts: tuple[Task, ...], *, repeat: int) -> Task:
        if len(parts) == 1 and self.simple:
            return parts[0]
        return JoinedTask(
            generation=generation,
            material=parts[0].material if parts else {},
            form=self.whole,
            judge=self.judge,
            key=joined_key([part.key for part in parts]),
            repeat=repeat,
            dialogue=parts[0].dialogue if parts else None,
            parts=parts,
            fixed=(*self.fixed, *computed(self.rubric, generation)),
        )


def _split(rubric: Rubric, *, referenced: bool) -> Iterator[tuple[Rubric, bool]]:
    """Give the criteria that one question asks for, and whether it shows the reference."""
    asked = [c for c in rubric.asked if referenced or c.reference != "required"]
    sealed = [c for c in asked if referenced and c.reference == "sealed"]
    opened = [c for c in asked if c not in sealed]
    for criteria, sees in ((opened, referenced), (sealed, False)):
        if criteria:
            yield _only(rubric, criteria, sees=sees), sees


def _only(rubric: Rubric, criteria: Sequence[Criterion], *, sees: bool) -> Rubric:
    """Give a rubric with some of its criteria; itself where these are all."""
    if len(criteria) == len(rubric.criteria):
        return rubric
    kept = {criterion.id for criterion in criteria}
    examples = tuple(
        example.model_copy(
            update={
                "grades": tuple(g for g in example.grades if g.criterion in kept),
                "reference": example.reference if sees else None,
            }
        )
        for example in rubric.examples
    )
    veto = rubric.veto if rubric.veto is not None and rubric.veto.criterion in kept else None
    return rubric.model_copy(
        update={"criteria": tuple(criteria), "examples": examples, "veto": veto}
    )


def _unreferenced(rubric: Rubric, *, referenced: bool) -> tuple[Verdict, ...]:
    """Say of criteria that compare with a reference that there is none."""
    return tuple(
        Unscored(criterion=criterion.id, outcome="skipped.no_reference")
        for criterion in rubric.asked
        if criterion.reference == "required" and not referenced
    )


class Forms:
    """The forms of a run, made once for each rubric, language, group and kind of material."""

    def __init__(
        self,
        editions: Sequence[Edition],
        judges: Sequence[Judge],
        on_refusal: OnRefusal = AS_IT_IS,
        *,
        window: int = WINDOW,
    ) -> None:
        self._editions = editions
        self._judges = judges
        self._on_refusal = on_refusal
        self._window = window
        self._made: dict[tuple[str | None, str | None, bool, bool], tuple[Asking, ...]] = {}

    def prepared(
        self, lang: str | None, group: str | None, *, plain: bool = True, referenced: bool = False
    ) -> tuple[Asking, ...]:
        """Give what each judge is asked under each rubric.

        A rubric that is not meant for the group asks nothing.

        Parameters
        ----------
        lang : str or None
            A language tag; None where nobody knows it.
        group : str or None
        plain : bool
            Whether the unit is a prompt and a response alone.
        referenced : bool
            Whether it has a reference.
        """
        place = (lang, group, plain, referenced)
        if place not in self._made:
            rubrics = [edition(lang) for edition in self._editions]
            self._made[place] = tuple(
                self._asking(rubric, judge, group, plain=plain, referenced=referenced)
                for rubric in rubrics
                if rubric.applies_to(group)
                for judge in self._judges
            )
        return self._made[place]

    def _asking(
        self, rubric: Rubric, judge: Judge, group: str | None, *, plain: bool, referenced: bool
    ) -> Asking:
        _refuse_unknown_criterion(judge, rubric)
        conversation = not plain or rubric.unit == "session" or rubric.roles != ("assistant",)
        whole = form_for(judge, rubric, group, conversation=conversation)
        parts: list[Part] = []
        for asked, sees in _split(rubric, referenced=referenced):
            made = (
                whole
                if asked is rubric
                else replace(
                    form_for(judge, asked, group, conversation=conversation),
                    rubric_hash=whole.rubric_hash,
                )
            )
            ladder = self._ladder(made, judge, asked, group=group, conversation=conversation)
            parts.append(
                Part(form=made, shared=form_key(made, judge), ladder=ladder, sees_reference=sees)
            )
        return Asking(
            rubric=rubric,
            whole=whole,
            judge=judge,
            parts=tuple(parts),
            fixed=_unreferenced(rubric, referenced=referenced),
            conversation=conversation,
            window=self._window,
        )

    def _ladder(
        self,
        made: Form,
        judge: Judge,
        rubric: Rubric,
        *,
        group: str | None,
        conversation: bool,
    ) -> tuple[Step, ...]:
        """List what is tried when the judge declines, then what is tried when it is not sure."""
        second = self._on_refusal.second
        found = [neutral_step(made, judge)] if self._on_refusal.neutral else []
        if second is not None:
            asked = form_for(second, rubric, group, conversation=conversation)
            found.append(Step(flag=SECOND, form=asked, judge=second))
        if judge.escalation is not None:
            asked = form_for(judge.escalation.judge, rubric, group, conversation=conversation)
            found += _escalation_steps(judge.escalation, asked, group)
        return tuple(found)


def _refuse_unknown_criterion(judge: Judge, rubric: Rubric) -> None:
    criterion = judge.escalation.criterion if judge.escalation is not None else None
    if criterion is not None and criterion not in {each.id for each in rubric.criteria}:
        raise ConfigError(f"{rubric.id} has no criterion {criterion!r} to escalate by.")


def _escalation_steps(
    escalation: Escalation, asked: Form, group: str | None
) -> Iterator[EscalationStep]:
    criterion = escalation.criterion or asked.criteria[0]
    # A question that asks for other criteria of the rubric has nothing to be sure of.
    if criterion in asked.criteria:
        yield EscalationStep(
            flag=ESCALATED,
            form=asked,
            judge=escalation.judge,
            criterion=criterion,
            cut=escalation.cuts.get(group or "", escalation.cut),
        )


def neutral_step(form: Form, judge: Judge) -> Step:
    """Give what is tried first when a judge declines: the same question in a neutral frame."""
    framed = replace(form, trusted=neutral_frames()[frame_language(form.language)] + form.trusted)
    return Step(flag=NEUTRAL, form=framed, judge=judge)


@cache
def neutral_frames() -> Mapping[str, str]:
    """Read what is said before the rubric in the neutral frame, by language."""
    return json.loads(
        files("judge.grading").joinpath("neutral_frame.json").read_text(encoding="utf-8")
    )


def tasks(generations: Iterable[Generation], forms: Forms, *, repeats: int = 1) -> Iterator[Task]:
    """Plan every judgment of a run, in the order of the file.

    Parameters
    ----------
    generations : iterable of Generation
        Streamed; never held.
    forms : Forms
        What is asked, and of whom.
    repeats : int
        How often each question is put to each judge, 1 or more.
    """
    for generation in generations:
        for asking in forms.prepared(
            tag_of(generation),
            generation.group,
            plain=is_plain(generation),
            referenced=generation.reference is not None,
        ):
            if is_judged(generation, asking.whole.unit, asking.whole.roles):
                for repeat in range(repeats):
                    yield asking.task(generation, repeat=repeat)


# Verdicts that are computed from a trace by a rubric's rules; no judge is asked.

_WORDING = Path(rubrics.__file__).parent / "wording"


def computed(rubric: Rubric, generation: Generation) -> tuple[Verdict, ...]:
    """Compute the verdicts of a rubric's rules on one unit.

    Parameters
    ----------
    rubric : Rubric
    generation : Generation
        A whole conversation, or one turn of it. A row without messages has no score: nothing is
        known of its calls, so that a rule is neither kept nor broken.

    Returns
    -------
    tuple of Verdict
        One for each criterion with a rule, in the rubric's order.
    """
    ruled = rubric.ruled
    if not ruled:
        return ()
    trace = [turn.model_dump(mode="json") for turn in generation.messages]
    wording = words(frame_language(rubric.language))
    return tuple(
        _verdict(one, apply_rule(rule, trace, words=wording, turn=generation.turn), generation.turn)
        for one in ruled
        if (rule := one.rule) is not None
    )


def _verdict(criterion: Criterion, found: RuleReading, turn: int | None) -> Verdict:
    if found.kept is None:
        return Unscored(
            criterion=criterion.id, outcome="unscored.cannot_assess", rationale=found.reasoning
        )
    return Scored(
        criterion=criterion.id,
        score=level(criterion, found),
        rationale=found.reasoning,
        evidence=found.evidence,
        turn=turn if found.message is None else found.message,
    )


def level(criterion: Criterion, found: RuleReading) -> int:
    """Give the better level of a criterion where its rule is kept, else the worse."""
    higher = criterion.direction == "higher_is_better"
    return criterion.scale.max if found.kept is higher else criterion.scale.min


@cache
def words(language: Language) -> RuleWording:
    """Read the sentences of a language."""
    return load_as(RuleWording, _WORDING / f"rules.{language}.yaml")
