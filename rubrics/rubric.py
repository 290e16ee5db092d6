"""The rubric: what a judge is asked, on which scales, and where each criterion comes from.

A rubric is one record. Three views are made of it: the text for the judge (`rubrics.prompt`),
the shape of the judge's reply (`rubrics.reply_schema`) and the score (`rubrics.reply_schema`).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Final, Literal, Self, cast
from unicodedata import east_asian_width

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from rubrics.record import Record, is_hidden, problem, quoted
from rubrics.rules import Rule

# The kinds of text that a rubric may hold.

_LONGEST_NAME = 40


def _no_hidden_characters(text: str) -> str:
    for char in text:
        if char != "\n" and is_hidden(char):
            raise problem(
                f"hidden character U+{ord(char):04X} in a text",
                fix="delete it: a reader of the rubric cannot see what the judge is told",
            )
    return text


Text = Annotated[
    str,
    StringConstraints(min_length=1, strip_whitespace=True),
    AfterValidator(_no_hidden_characters),
]
"""What a judge or a reader is shown: not empty, no control or format characters."""

Quote = Annotated[str, AfterValidator(_no_hidden_characters)]
"""As Text, but may be empty and keeps the spaces at its ends."""


def _spelled(pattern: str, fix: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text) or len(text) > _LONGEST_NAME:
            raise problem(f"{quoted(text)} is not a valid name here", fix=fix)
        return text

    return check


RubricId = Annotated[
    str,
    AfterValidator(
        _spelled(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", "use a few lower-case words with hyphens")
    ),
]
CriterionId = Annotated[
    str, AfterValidator(_spelled(r"[a-z][a-z0-9_]*", "use lower-case letters, digits and _"))
]
Version = Annotated[
    str, AfterValidator(_spelled(r"[0-9]+(\.[0-9]+){0,2}", 'number it in quotes, as in "1.0"'))
]


# Scales: the whole numbers a judge may give, and what each of them means.

MOST_LEVELS = 101

Bound = Annotated[int, Field(ge=-1000, le=1000)]


class Anchor(Record):
    """What one level of a scale means."""

    score: int
    text: Text


def _from_mapping(value: object) -> object:
    """Read `{1: text, 2: text}`, the form of a document, as anchors in the order given."""
    if isinstance(value, (list, tuple)):
        return _already_anchors(tuple(cast("Iterable[object]", value)))
    if not isinstance(value, Mapping):
        raise _not_a_mapping()
    written = cast("Mapping[object, object]", value)
    for score, text in written.items():
        if not isinstance(score, int) or isinstance(score, bool):
            raise problem(
                f"anchor {quoted(score)} is not a whole number",
                fix="name each level by its score, as in `1: text`",
                at=(str(score),),
            )
        if not isinstance(text, str) or not text.strip():
            raise problem(
                f"the anchor of level {score} has no text",
                fix="say in a sentence what this level means",
                at=(score,),
            )
    return tuple({"score": score, "text": text} for score, text in written.items())


def _already_anchors(entries: tuple[object, ...]) -> tuple[object, ...]:
    """Let through what was read before, from a record or its JSON."""
    for entry in entries:
        if not isinstance(entry, Anchor) and not (isinstance(entry, Mapping) and "score" in entry):
            raise _not_a_mapping()
    return entries


def _not_a_mapping() -> PydanticCustomError:
    return problem(
        "anchors are a mapping from score to text", fix="write `1: text`, one level a line"
    )


_CLAUSE = re.compile(r"[.,;:(]|[。，；：（、]")
"""Where the name of a level ends and its description begins."""

LONGEST_LEVEL_NAME = 14.0
"""Width of the longest name of a level, in ems."""


def _ems(text: str) -> float:
    """Estimate the width of a text: a Chinese character fills one em, a Latin one about half."""
    return sum(1.0 if east_asian_width(each) in "WF" else 0.56 for each in text)


class Scale(Record):
    """Whole numbers from min to max in equal steps, each with an anchor.

    A document writes the anchors as a mapping from score to text.
    """

    min: Bound
    max: Bound
    step: Annotated[int, Field(ge=1)] = 1
    anchors: Annotated[tuple[Anchor, ...], BeforeValidator(_from_mapping)]

    @property
    def levels(self) -> tuple[int, ...]:
        """Every score that may be given, ascending."""
        return tuple(range(self.min, self.max + 1, self.step))

    def names(self) -> dict[int, str]:
        """Name each level by how its anchor begins; empty where one of them is too long for a name.

        Examples
        --------
        >>> Scale(min=0, max=1, anchors={0: "Unsafe. It harms.", 1: "Safe, on the whole."}).names()
        {0: 'Unsafe', 1: 'Safe'}
        """
        names = {each.score: _CLAUSE.split(each.text, maxsplit=1)[0] for each in self.anchors}
        return {} if max(map(_ems, names.values())) > LONGEST_LEVEL_NAME else names

    @model_validator(mode="after")
    def _bounds_make_levels(self) -> Self:
        if self.min >= self.max:
            raise problem(
                f"scale from {self.min} to {self.max} has no levels",
                fix="make max greater than min",
                at=("min",),
            )
        if (self.max - self.min) % self.step:
            raise problem(
                f"steps of {self.step} from {self.min} never reach {self.max}",
                fix="choose a step that divides max - min",
                at=("step",),
            )
        if len(self.levels) > MOST_LEVELS:
            raise problem(
                f"{len(self.levels)} levels",
                fix=f"use at most {MOST_LEVELS}: nobody can describe more apart",
                at=("max",),
            )
        return self

    @model_validator(mode="after")
    def _every_level_has_one_anchor(self) -> Self:
        written = [anchor.score for anchor in self.anchors]
        for score in written:
            if score not in self.levels:
                raise problem(
                    f"anchor {score} is not a level of {self.min}..{self.max} step {self.step}",
                    fix="delete it or change the scale",
                    at=("anchors", score),
                )
        missing = [str(level) for level in self.levels if level not in written]
        if missing:
            raise problem(
                f"no anchor for level {', '.join(missing)}",
                fix="describe every level of the scale",
                at=("anchors",),
            )
        if written != sorted(set(written)):
            raise problem("anchors out of order", fix="list them ascending", at=("anchors",))
        return self


Language = Literal["zh", "en"]
"""The product's own languages."""

_COUNTRIES: Final[dict[str, str]] = dict(
    re.findall(
        r"(\w+):(\w+)",
        "ad:ca al:sq ao:pt at:de au:en aw:nl ax:sv bd:bn bf:fr bj:fr bl:fr bq:pap bt:dz bv:no "
        "by:ru cc:ms cd:fr cf:sg cg:fr ci:fr cl:es cm:fr cn:zh cw:pap cz:cs dj:fr dk:da do:es "
        "ea:es ec:es eg:ar eh:ar er:ti gb:en ge:ka gf:fr gh:ak gp:fr gq:es gr:el gt:es gw:pt "
        "hk:zh hn:es ic:es il:he iq:ar ir:fa jo:ar jp:ja ke:sw kh:km kp:ko kz:ru lk:si ls:st "
        "ly:ar ma:ar mc:fr md:ro me:sr mf:fr mm:my mq:fr mu:fr mv:dv mx:es mz:pt nc:fr ni:es "
        "np:ne nz:en pe:es pf:fr pg:tpi ph:fil pk:ur pm:fr pr:es pw:pau py:gn qa:ar re:fr rs:sr "
        "sj:nb sy:ar td:ar tf:fr tj:tg tm:tk tv:tvl tz:sw ua:uk us:en uy:es va:it vn:vi vu:bi "
        "wf:fr ws:sm xk:sq ye:ar yt:fr zw:sn ",
    )
)
"""Countries whose codes name no language in BCP 47, and the language that is most likely there.

ISO 3166-1 codes without a subtag in IANA's Language Subtag Registry; languages by the likely
subtags of Unicode CLDR 47. A test compares both with Babel's data.
"""
_TAG = re.compile(r"(?P<language>[A-Za-z]{2,3})(?P<rest>(?:[-_][A-Za-z0-9]{1,8})*)")


def language_tag(text: str) -> str | None:
    """Write a BCP 47 language tag in its usual form; None where the text is no tag.

    The code of a country that names no language, such as ``cn``, is none.

    Examples
    --------
    >>> language_tag("ZH_hans_cn"), language_tag("fr"), language_tag("French")
    ('zh-Hans-CN', 'fr', None)
    """
    match = _TAG.fullmatch(text.strip())
    if match is None or match["language"].lower() in _COUNTRIES:
        return None
    parts = [match["language"].lower()]
    for part in match["rest"].replace("_", "-").split("-")[1:]:
        after_singleton = any(len(each) == 1 for each in parts)
        if len(part) == 4 and part.isalpha() and not after_singleton:
            parts.append(part.title())
        else:
            region = len(part) == 2 and not after_singleton
            parts.append(part.upper() if region else part.lower())
    return "-".join(parts)


def tag_advice(text: str) -> str:
    """Say how a text that is no language tag should be written.

    Examples
    --------
    >>> tag_advice("cn"), tag_advice("Chinese")
    ('cn is a country; did you mean zh?', 'write a tag such as zh, en, fr or pt-BR')
    """
    code = re.split("[-_]", text.strip().lower())[0]
    if code in _COUNTRIES:
        return f"{code} is a country; did you mean {_COUNTRIES[code]}?"
    return "write a tag such as zh, en, fr or pt-BR"


def frame_language(tag: str) -> Language:
    """Give the product's own language that goes with another: Chinese for its kinds, else English.

    The words around a rubric, which are ours, exist in these two.
    """
    return "zh" if tag.split("-", 1)[0] == "zh" else "en"


def _is_a_tag(text: str) -> str:
    tag = language_tag(text)
    if tag is None:
        raise problem(f"{quoted(text)} is no language tag", fix=tag_advice(text))
    return tag


LanguageTag = Annotated[str, AfterValidator(_is_a_tag)]
Origin = Literal["published", "project"]
Direction = Literal["higher_is_better", "lower_is_better", "descriptive"]
JudgedUnit = Literal["reply", "each_reply", "session"]
Role = Literal["system", "user", "assistant", "tool"]
ReferenceUse = Literal["shown", "sealed", "required"]
CANNOT_ASSESS: Literal["cannot_assess"] = "cannot_assess"

WEIGHT_TOLERANCE = 0.001


def _is_an_answer(score: object) -> object:
    if score == CANNOT_ASSESS or (isinstance(score, int) and not isinstance(score, bool)):
        return score
    raise problem(f"{quoted(score)} is not a score", fix=f"write a whole number or {CANNOT_ASSESS}")


class Source(Record):
    """Where a criterion or a pack of principles comes from."""

    kind: Origin
    """`published`: stated in the reference. `project`: written by the authors of the rubric."""
    reference: Text
    note: Text | None = None
    """What the reference does and does not say."""


class Criterion(Record):
    """One question to the judge, answered with one score."""

    id: CriterionId
    title: Text
    question: Text
    definition: Text | None = None
    """What the question means, where it needs more words; part of the prompt, not of the schema."""
    counter_rules: tuple[Text, ...] = ()
    """Cases that look as if they decided the criterion and do not; one sentence each."""
    scale: Scale
    weight: Annotated[float, Field(ge=0, le=1)]
    """Share in the overall score, a fraction; 0 for what is reported beside it."""
    direction: Direction
    """Which end of the scale is good; `descriptive` when neither is."""
    threshold: int | None = None
    """The worst level that is still acceptable; None when the criterion draws no line."""
    rule: Rule | None = Field(default=None, discriminator="check")
    """How the criterion is computed from a trace; None where a judge is asked."""
    roles: Annotated[tuple[Role, ...], Field(min_length=1)] | None = None
    """Whose turns of a conversation decide it, where these are not those of the whole rubric."""
    reference: ReferenceUse = "shown"
    """What the criterion has to do with a reference answer: `shown` where the data have one,
    `sealed` when it must never see it, `required` when it compares with it."""
    source: Source

    @model_validator(mode="after")
    def _threshold_is_a_level(self) -> Self:
        if self.threshold is not None and self.threshold not in self.scale.levels:
            raise problem(
                f"threshold {self.threshold} is off the scale of {self.id}",
                fix=f"use a level from {self.scale.min} to {self.scale.max}",
                at=("threshold",),
            )
        return self

    @model_validator(mode="after")
    def _a_rule_is_kept_or_broken(self) -> Self:
        if self.rule is None:
            return self
        if len(self.scale.levels) != 2:
            raise problem(
                f"{self.id} has a rule and {len(self.scale.levels)} levels",
                fix="give it two: a rule is broken or kept",
                at=("scale",),
            )
        if self.direction == "descriptive":
            raise problem(
                f"{self.id} has a rule, and none of its levels is the better one",
                fix="write direction: higher_is_better",
                at=("direction",),
            )
        return self

    @model_validator(mode="after")
    def _a_description_is_neither_good_nor_bad(self) -> Self:
        if self.direction == "descriptive" and (self.weight > 0 or self.threshold is not None):
            raise problem(
                f"{self.id} is descriptive but has a weight or a threshold",
                fix="set weight 0 and no threshold, or say which direction is better",
                at=("direction",),
            )
        return self


class Veto(Record):
    """A criterion that alone decides when it fails."""

    criterion: CriterionId
    level: int
    """The failing level; what is worse fails too."""


class Grade(Record):
    """What an example says of one criterion, in the form that the judge must use."""

    criterion: CriterionId
    reasoning: Text
    evidence: Quote
    """Words of the example's response, or an empty string."""
    score: Annotated[int | Literal["cannot_assess"], BeforeValidator(_is_an_answer)]


class Example(Record):
    """A worked case shown to the judge."""

    prompt: Text
    response: Text
    reference: Text | None = None
    """A reference answer, for criteria that compare with one."""
    grades: tuple[Grade, ...]
    """One for each criterion, in the rubric's order."""


class Principle(Record):
    """One thing experts of a field ask of a good response."""

    text: Text
    source: Origin


class Pack(Record):
    """The principles of one group of prompts."""

    group: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    title: Text
    source: Source
    items: Annotated[tuple[Principle, ...], Field(min_length=1)]


class Rubric(Record):
    """A whole rubric in one language."""

    id: RubricId
    version: Version
    language: LanguageTag
    title: Text
    purpose: Text
    """For the people who choose a rubric; the judge does not see it."""
    level: Literal[1, 2] | None = None
    """CValues' ascending levels: 1 safety, 2 responsibility; None outside them."""
    groups: tuple[str, ...] = ()
    """Groups of prompts that the rubric is for; empty for all."""
    unit: JudgedUnit = "reply"
    """What is judged of a conversation: its last reply, each reply for itself, or all of it."""
    roles: Annotated[tuple[Role, ...], Field(min_length=1)] = ("assistant",)
    """Whose turns are judged; the others are what they answer to."""
    instructions: Text
    criteria: Annotated[tuple[Criterion, ...], Field(min_length=1, max_length=20)]
    veto: Veto | None = None
    examples: tuple[Example, ...] = ()
    packs: tuple[Pack, ...] = ()

    def __hash__(self) -> int:
        """Hash cheaply: rubrics are keys of caches, and equality is still on every field."""
        return hash((self.id, self.version, self.language))

    @property
    def asked(self) -> tuple[Criterion, ...]:
        """The criteria that a judge is asked for; empty where all are rules."""
        return tuple(criterion for criterion in self.criteria if criterion.rule is None)

    @property
    def ruled(self) -> tuple[Criterion, ...]:
        """The criteria that are computed by a rule."""
        return tuple(criterion for criterion in self.criteria if criterion.rule is not None)

    def criterion(self, criterion_id: str) -> Criterion:
        """Return a criterion by its id; KeyError when the rubric has none of that name."""
        return {criterion.id: criterion for criterion in self.criteria}[criterion_id]

    def pack(self, group: str | None) -> Pack | None:
        """Return the principles of a group, or None when the rubric has none for it."""
        return next((pack for pack in self.packs if pack.group == group), None)

    def applies_to(self, group: str | None) -> bool:
        """Tell whether the rubric is meant for a group of prompts."""
        return not self.groups or group in self.groups

    @model_validator(mode="after")
    def _criteria_have_names_of_their_own(self) -> Self:
        seen: set[str] = set()
        for position, criterion in enumerate(self.criteria):
            at = ("criteria", position, "id")
            if criterion.id in seen:
                raise problem(f"criterion {criterion.id} twice", fix="rename one", at=at)
            if hasattr(BaseModel, criterion.id):
                raise problem(
                    f"criterion id {quoted(criterion.id)} is reserved",
                    fix="choose another word: the name is a method of the reply",
                    at=at,
                )
            seen.add(criterion.id)
        return self

    @model_validator(mode="after")
    def _weights_sum_to_one_or_zero(self) -> Self:
        total = sum(criterion.weight for criterion in self.criteria)
        if min(abs(total - 1), total) > WEIGHT_TOLERANCE:
            raise problem(
                f"the weights sum to {total:g}",
                fix="make them sum to 1, or all 0 when there is no overall score",
                at=("criteria",),
            )
        return self

    @model_validator(mode="after")
    def _rules_have_a_unit(self) -> Self:
        """Refuse rules on the last reply alone: the calls of a trace stand before it."""
        if self.ruled and self.unit == "reply":
            raise problem(
                f"{self.ruled[0].id} has a rule, and the rubric judges the last reply only",
                fix="write unit: session, or unit: each_reply",
                at=("unit",),
            )
        return self

    @model_validator(mode="after")
    def _veto_names_a_level(self) -> Self:
        if self.veto is None:
            return self
        named = next((c for c in self.criteria if c.id == self.veto.criterion), None)
        if named is None:
            raise problem(
                f"veto names {quoted(self.veto.criterion)}, which is not a criterion",
                fix=f"use one of {', '.join(c.id for c in self.criteria)}",
                at=("veto", "criterion"),
            )
        if self.veto.level not in named.scale.levels or named.direction == "descriptive":
            raise problem(
                f"veto level {self.veto.level} cannot fail {named.id}",
                fix="use a level of its scale, and a criterion with a good and a bad end",
                at=("veto", "level"),
            )
        return self

    @model_validator(mode="after")
    def _examples_grade_every_criterion(self) -> Self:
        wanted = [criterion.id for criterion in self.asked]
        for position, example in enumerate(self.examples):
            at = ("examples", position, "grades")
            if [grade.criterion for grade in example.grades] != wanted:
                raise problem(
                    "the example does not grade every criterion once, in order",
                    fix=f"give grades for {', '.join(wanted)}",
                    at=at,
                )
            for index, grade in enumerate(example.grades):
                levels = self.criterion(grade.criterion).scale.levels
                if grade.score != CANNOT_ASSESS and grade.score not in levels:
                    raise problem(
                        f"example score {grade.score} is off the scale of {grade.criterion}",
                        fix=f"use a level from {levels[0]} to {levels[-1]}",
                        at=(*at, index, "score"),
                    )
        return self

    @model_validator(mode="after")
    def _roles_of_a_criterion_need_a_session(self) -> Self:
        for position, criterion in enumerate(self.criteria):
            if criterion.roles is not None and self.unit != "session":
                raise problem(
                    f"{criterion.id} names roles, but the rubric judges single turns",
                    fix="write `unit: session`, or name the roles for the whole rubric",
                    at=("criteria", position, "roles"),
                )
        return self

    def roles_of(self, criterion: Criterion) -> tuple[Role, ...]:
        """Say whose turns decide a criterion."""
        return criterion.roles or self.roles

    @model_validator(mode="after")
    def _packs_belong_to_groups(self) -> Self:
        seen: set[str] = set()
        for position, pack in enumerate(self.packs):
            if pack.group in seen or not self.applies_to(pack.group):
                raise problem(
                    f"pack {quoted(pack.group)} is there twice or is not one of the groups",
                    fix="keep one pack for each group that the rubric names",
                    at=("packs", position, "group"),
                )
            seen.add(pack.group)
        return self
