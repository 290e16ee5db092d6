"""The rubric as the shape of a reply: what a judge must send back, and how it becomes a score.

For each criterion an object with reasoning first, then evidence, then the score. The JSON schema
is written here rather than by pydantic, so that it keeps to the subset that providers accept in
strict mode and stays the same from one pydantic release to the next.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal, Self, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    GetJsonSchemaHandler,
    PlainValidator,
    ValidationError,
    create_model,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError

from rubrics.prompt import (
    Wording,
    fill,
    render,
    render_conversation,
    render_pairwise,
    wording,
)
from rubrics.record import Record
from rubrics.rubric import CANNOT_ASSESS, Criterion, Rubric

Preference = Literal["1", "2", "tie", "cannot_assess"]
Schema = dict[str, Any]

_PREFERENCES: tuple[Preference, ...] = ("1", "2", "tie", CANNOT_ASSESS)


class Reply(BaseModel):
    """A judge's reply: closed, strict, and with every key once.

    Besides pydantic's own error types it reports `off_scale` for a whole number that is not a
    level, `score_type` for a score that is neither a number nor "cannot_assess", and
    `duplicate_key` for a key that stands twice in one object.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    wire_schema: ClassVar[Schema] = {}
    """The JSON schema of this kind of reply."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Give the hand-written schema, so that every path to a provider sends the same one."""
        return cls.wire_schema

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """Read a whole JSON text; ValidationError also for a key that stands twice."""
        repeated = _repeated_key(json_data)
        if repeated is not None:
            fault = PydanticCustomError("duplicate_key", "Key written twice")
            line = InitErrorDetails(type=fault, loc=(repeated,), input=None)
            raise ValidationError.from_exception_data(cls.__name__, [line])
        return super().model_validate_json(json_data, **options)


def reply_schema(rubric: Rubric) -> Schema:
    """Make the JSON schema of a reply that grades one response.

    Returns
    -------
    dict
        One required property for each criterion, in the rubric's order, each an object with
        `reasoning`, `evidence` and `score`; no other key is allowed anywhere. `score` is one of
        the levels or "cannot_assess". Within the subset of OpenAI's strict mode; the title is
        there because instructor names a tool by it.
    """
    words = wording(rubric.language)
    return {
        "title": "Reply",
        "description": words.reply,
        **_object(_graded(rubric, words, evidence=words.evidence_field)),
    }


def turn_schema(rubric: Rubric) -> Schema:
    """Make the JSON schema of a reply that grades one turn of a conversation; else as above."""
    words = wording(rubric.language)
    return {
        "title": "Reply",
        "description": words.reply,
        **_object(_graded(rubric, words, evidence=words.evidence_field_turn)),
    }


def session_schema(rubric: Rubric) -> Schema:
    """Make the JSON schema of a reply that grades a whole conversation.

    As `reply_schema`, with a member `turn` before the evidence: the number of the turn that decides
    the level, or null.
    """
    words = wording(rubric.language)
    turn = {"description": words.turn_field, "anyOf": [{"type": "integer"}, {"type": "null"}]}
    return {
        "title": "Reply",
        "description": words.reply_session,
        **_object(_graded(rubric, words, evidence=words.evidence_field_session, turn=turn)),
    }


def pairwise_schema(rubric: Rubric) -> Schema:
    """Make the JSON schema of a reply that compares two responses.

    For each criterion an object with `reasoning` and `preference`, which is "1", "2", "tie" or
    "cannot_assess"; otherwise as `reply_schema`.
    """
    words = wording(rubric.language)
    parts = {criterion.id: _compared(criterion, words) for criterion in rubric.asked}
    return {"title": "PairwiseReply", "description": words.reply_pairwise, **_object(parts)}


@lru_cache(maxsize=128)
def reply_model(rubric: Rubric) -> type[Reply]:
    """Make the pydantic model of a reply that grades one response.

    Returns
    -------
    type
        A field for each criterion, named by its id, with `reasoning: str`, `evidence: str` and
        `score`: a level or "cannot_assess". Equal rubrics share one model.
    """
    parts = {
        criterion.id: _part(
            f"Grade_{criterion.id}",
            {"reasoning": str, "evidence": str, "score": _score_type(criterion.scale.levels)},
        )
        for criterion in rubric.asked
    }
    return _reply("Reply", parts, reply_schema(rubric))


@lru_cache(maxsize=128)
def session_model(rubric: Rubric) -> type[Reply]:
    """Make the pydantic model of a reply that grades a whole conversation; see `session_schema`."""
    parts = {
        criterion.id: _part(
            f"Grade_{criterion.id}",
            {
                "reasoning": str,
                "turn": int | None,
                "evidence": str,
                "score": _score_type(criterion.scale.levels),
            },
        )
        for criterion in rubric.asked
    }
    return _reply("Reply", parts, session_schema(rubric))


@lru_cache(maxsize=128)
def pairwise_model(rubric: Rubric) -> type[Reply]:
    """Make the pydantic model of a reply that compares two responses; see `pairwise_schema`."""
    parts = {
        criterion.id: _part(
            f"Comparison_{criterion.id}", {"reasoning": str, "preference": Preference}
        )
        for criterion in rubric.asked
    }
    return _reply("PairwiseReply", parts, pairwise_schema(rubric))


def _graded(
    rubric: Rubric, words: Wording, *, evidence: str, turn: Schema | None = None
) -> dict[str, Schema]:
    return {
        criterion.id: _object(
            {
                "reasoning": _string(fill(words.reasoning_field, title=criterion.title)),
                **({} if turn is None else {"turn": turn}),
                "evidence": _string(evidence),
                "score": _score(criterion, words),
            }
        )
        for criterion in rubric.asked
    }


def _score(criterion: Criterion, words: Wording) -> Schema:
    levels = list(criterion.scale.levels)
    shown = ", ".join(str(level) for level in levels)
    return {
        "description": fill(words.score_field, question=criterion.question, levels=shown),
        "anyOf": [
            {"type": "integer", "enum": levels},
            {"type": "string", "enum": [CANNOT_ASSESS]},
        ],
    }


def _compared(criterion: Criterion, words: Wording) -> Schema:
    preference = _string(fill(words.preference_field, title=criterion.title))
    return _object(
        {
            "reasoning": _string(fill(words.reasoning_field, title=criterion.title)),
            "preference": {**preference, "enum": list(_PREFERENCES)},
        }
    )


def _object(properties: Mapping[str, Schema]) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _string(description: str) -> Schema:
    return {"type": "string", "description": description}


def _score_type(levels: Sequence[int]) -> object:
    # A Literal of the levels would take true for 1 and 1.0 for 1, even in strict mode.
    return Annotated[int | Literal["cannot_assess"], PlainValidator(_on_scale(levels))]


def _on_scale(levels: Sequence[int]) -> Callable[[object], int | str]:
    def check(score: object) -> int | str:
        if score == CANNOT_ASSESS:
            return CANNOT_ASSESS
        if not isinstance(score, int) or isinstance(score, bool):
            raise PydanticCustomError("score_type", "A level or cannot_assess is needed")
        if score not in levels:
            raise PydanticCustomError("off_scale", "The score is not a level of the scale")
        return score

    return check


def _part(name: str, types: Mapping[str, object]) -> type[BaseModel]:
    fields: dict[str, Any] = {field: (kind, ...) for field, kind in types.items()}
    return create_model(name, __config__=Reply.model_config, **fields)


def _reply(name: str, parts: Mapping[str, type[BaseModel]], schema: Schema) -> type[Reply]:
    fields: dict[str, Any] = {criterion: (part, ...) for criterion, part in parts.items()}
    model = create_model(name, __base__=Reply, **fields)
    model.wire_schema = schema
    return model


def _repeated_key(text: str | bytes | bytearray) -> str | None:
    """Return a key that stands twice in one object; None too for what is not JSON at all."""
    repeated: list[str] = []

    def note(pairs: list[tuple[str, object]]) -> None:
        keys = [key for key, _ in pairs]
        repeated.extend(key for key in keys if keys.count(key) > 1)

    try:
        json.loads(text, object_pairs_hook=note)
    except (ValueError, RecursionError):
        return None
    return repeated[0] if repeated else None


# What a rubric means, as one short name: SHA-256 over its three views.
#
# The digest changes with anything that a judge is told (instructions, criteria, anchors,
# examples, principles, and the framing words of `rubrics/wording`), with the shape of the
# reply, and with what turns a reply into a score (scales, weights, directions, thresholds,
# veto). It does not change with what no judge sees and no score uses: the rubric's title,
# version, purpose, level and groups, and every source with its reference and note. It does not
# depend on the layout of the file, on the operating system or on the releases of Python and
# pydantic.


@lru_cache(maxsize=128)
def rubric_digest(rubric: Rubric) -> str:
    """Name the meaning of a rubric.

    Returns
    -------
    str
        64 hexadecimal digits. Equal for two rubrics exactly when they put the same texts to a
        judge, accept the same replies and score them alike.
    """
    groups = [None, *sorted(pack.group for pack in rubric.packs)]
    meaning = {
        "render": [[group, render(rubric, group=group)] for group in groups],
        "render_pairwise": [[group, render_pairwise(rubric, group=group)] for group in groups],
        "reply_schema": reply_schema(rubric),
        "pairwise_schema": pairwise_schema(rubric),
        "scoring": _scoring(rubric),
        **_judged(rubric),
    }
    # Keys stay in order: the order of criteria is part of what the judge is asked.
    text = json.dumps(meaning, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _judged(rubric: Rubric) -> dict[str, object]:
    """Say what of a conversation is judged, who sees the reference and which rules hold.

    What every rubric did before there were such words is left out, so that digests stay.
    """
    said: dict[str, object] = {}
    if rubric.unit != "reply":
        groups = [None, *sorted(pack.group for pack in rubric.packs)]
        said["unit"] = rubric.unit
        said["render_conversation"] = [
            [group, render_conversation(rubric, group=group)] for group in groups
        ]
    if rubric.roles != ("assistant",):
        said["roles"] = list(rubric.roles)
    own = {c.id: list(c.roles) for c in rubric.criteria if c.roles is not None}
    if own:
        said["criterion_roles"] = own
    uses = {c.id: c.reference for c in rubric.criteria if c.reference != "shown"}
    said |= {"references": uses} if uses else {}
    rules = {c.id: c.rule.model_dump(mode="json") for c in rubric.ruled if c.rule is not None}
    return said | ({"rules": rules} if rules else {})


def _scoring(rubric: Rubric) -> dict[str, object]:
    criteria = [
        [c.id, c.scale.min, c.scale.max, c.scale.step, c.weight, c.direction, c.threshold]
        for c in rubric.criteria
    ]
    veto = None if rubric.veto is None else [rubric.veto.criterion, rubric.veto.level]
    return {"criteria": criteria, "veto": veto}


# The rubric as a score: from a judge's reply to readings, an overall score and a verdict.

Scores = Mapping[str, int | None]


class CriterionReading(Record):
    """What a judge said of one criterion."""

    criterion: str
    score: int | None
    """A level of the criterion's scale; None when the judge answered "cannot_assess"."""
    reasoning: str
    evidence: str
    """Words the judge says it found in the response; not yet checked against it."""
    turn: int | None = None
    """Index of the turn that the judge names, where it graded a whole conversation."""


def criterion_readings(rubric: Rubric, reply: BaseModel) -> tuple[CriterionReading, ...]:
    """Read a reply, one reading for each criterion in the rubric's order.

    Parameters
    ----------
    rubric : Rubric
        What was asked.
    reply : BaseModel
        A `rubrics.reply_schema.reply_model(rubric)`.

    Returns
    -------
    tuple of CriterionReading

    Raises
    ------
    ValueError
        If the reply was made for other criteria.
    """
    graded = cast("dict[str, dict[str, int | str | None]]", reply.model_dump())
    wanted = [criterion.id for criterion in rubric.asked]
    if list(graded) != wanted:
        raise ValueError(f"reply grades {list(graded)}, the rubric asks for {wanted}.")
    return tuple(_reading(criterion, part) for criterion, part in graded.items())


def overall(rubric: Rubric, scores: Scores) -> float | None:
    """Combine the scores of one judgment into one number.

    Each score becomes its distance from the bad end of its scale as a fraction of the scale's
    length; the overall score is the mean of these by weight. A veto makes it 0.

    Parameters
    ----------
    rubric : Rubric
        Weights, directions and veto.
    scores : mapping of str to int or None
        By criterion id; None, or no entry, where the judge gave no score.

    Returns
    -------
    float or None
        From 0 (worst) to 1 (best). None when a criterion with a weight, or the veto criterion,
        has no score, and when the rubric gives no criterion a weight.

    Raises
    ------
    ValueError
        If a score is off its scale or belongs to no criterion.
    """
    checked = _checked(rubric, scores)
    if vetoed(rubric, checked):
        return 0.0
    weighted = [criterion for criterion in rubric.criteria if criterion.weight > 0]
    needed = [criterion.id for criterion in weighted]
    if rubric.veto is not None:
        needed.append(rubric.veto.criterion)
    if not weighted or any(checked[criterion] is None for criterion in needed):
        return None
    total = sum(criterion.weight for criterion in weighted)
    return sum(c.weight * _quality(c, cast("int", checked[c.id])) for c in weighted) / total


def acceptable(rubric: Rubric, scores: Scores) -> bool | None:
    """Tell whether a response clears every line that the rubric draws.

    Parameters
    ----------
    rubric : Rubric
        Thresholds and veto.
    scores : mapping of str to int or None
        As for `overall`.

    Returns
    -------
    bool or None
        False when a veto or a threshold fails, whatever else is missing. None when nothing
        fails but a score with a line is missing, and when the rubric draws no line.

    Raises
    ------
    ValueError
        If a score is off its scale or belongs to no criterion.
    """
    checked = _checked(rubric, scores)
    lines = {c.id for c in rubric.criteria if c.threshold is not None}
    if rubric.veto is not None:
        lines.add(rubric.veto.criterion)
    if vetoed(rubric, checked) or any(_below(c, checked[c.id]) for c in rubric.criteria):
        return False
    return None if not lines or any(checked[line] is None for line in lines) else True


def vetoed(rubric: Rubric, scores: Scores) -> bool:
    """Tell whether the veto criterion has its failing level or a worse one."""
    if rubric.veto is None:
        return False
    score = scores.get(rubric.veto.criterion)
    if score is None:
        return False
    if rubric.criterion(rubric.veto.criterion).direction == "lower_is_better":
        return score >= rubric.veto.level
    return score <= rubric.veto.level


def _reading(criterion: str, part: Mapping[str, int | str | None]) -> CriterionReading:
    score, turn = part["score"], part.get("turn")
    return CriterionReading(
        criterion=criterion,
        score=score if isinstance(score, int) else None,
        reasoning=str(part["reasoning"]),
        evidence=str(part["evidence"]),
        turn=turn if isinstance(turn, int) else None,
    )


def _checked(rubric: Rubric, scores: Scores) -> dict[str, int | None]:
    known = {criterion.id: criterion for criterion in rubric.criteria}
    for name, score in scores.items():
        if name not in known:
            raise ValueError(f"{rubric.id} has no criterion {name!r}.")
        if score is not None and score not in known[name].scale.levels:
            raise ValueError(f"{score!r} is not a level of {name}.")
    return {name: scores.get(name) for name in known}


def _quality(criterion: Criterion, score: int) -> float:
    scale = criterion.scale
    share = (score - scale.min) / (scale.max - scale.min)
    return 1 - share if criterion.direction == "lower_is_better" else share


def _below(criterion: Criterion, score: int | None) -> bool:
    if criterion.threshold is None or score is None:
        return False
    if criterion.direction == "lower_is_better":
        return score > criterion.threshold
    return score < criterion.threshold
