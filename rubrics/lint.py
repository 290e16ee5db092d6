"""Faults that a rubric can have and still load: what a careful author would want to be told.

Each rule is a function from a draft (the checked rubric and its document) to findings. Loading
faults are reported here too, all of them at once, and the two editions are compared.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import ValidationError

from rubrics.library import differences, other_edition
from rubrics.load import Document, Spot, Value, faults, load_file, read_document
from rubrics.record import Record, RubricError, place, quoted
from rubrics.reply_schema import rubric_digest
from rubrics.rubric import Criterion, Example, Pack, Rubric, Source
from rubrics.rules import ToolPermission

Severity = Literal["error", "warning"]

_PROSE = frozenset(
    {"title", "purpose", "instructions", "question", "definition", "note", "reference"}
    | {"prompt", "response", "reasoning", "text"}
)
_UNFINISHED = re.compile(
    r"\b(?:TODO|TBD|FIXME|XXX|lorem ipsum)\b|待补|待定|待写|待完善"
    r"|\{\{|\}\}|\$\{|\{[a-z_]+\}|(?<!<)<[a-z](?:[a-z_ ]{0,28}[a-z])?>(?!>)",
    re.IGNORECASE,
)
_NOWHERE = frozenset({"", "?", "-", "none", "n/a", "na", "unknown", "无", "未知", "不详"})
_HAN = re.compile(r"[\u3400-\u9fff]")
_ARABIC, _CYRILLIC, _DEVANAGARI = "[\u0600-\u06ff]", "[\u0400-\u04ff]", "[\u0900-\u097f]"
_SCRIPTS = {
    "zh": _HAN,
    "ja": re.compile("[\u3040-\u30ff\u4e00-\u9fff]"),
    "ko": re.compile("[\uac00-\ud7af]"),
    "th": re.compile("[\u0e00-\u0e7f]"),
    "he": re.compile("[\u0590-\u05ff]"),
    "el": re.compile("[\u0370-\u03ff]"),
    **dict.fromkeys(("ar", "fa", "ur"), re.compile(_ARABIC)),
    **dict.fromkeys(("ru", "uk", "bg"), re.compile(_CYRILLIC)),
    **dict.fromkeys(("hi", "mr", "ne"), re.compile(_DEVANAGARI)),
}
"""A character that every text of a language holds; others are only held against Chinese."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to mend, in the words `file:line: what; how to fix`."""

    rule: str
    severity: Severity
    path: Path
    line: int | None
    what: str
    fix: str

    def __str__(self) -> str:
        """Say it on one line, with the rule's name at the end."""
        return f"{place(self.path, self.line)}: {self.what}; {self.fix} [{self.rule}]"

    def as_row(self) -> dict[str, str | int | None]:
        """Give the finding as JSON values."""
        return {
            "rule": self.rule,
            "severity": self.severity,
            "path": str(self.path),
            "line": self.line,
            "what": self.what,
            "fix": self.fix,
        }


class _Fault(NamedTuple):
    """What a rule finds, before it is known on which line it stands."""

    spot: Spot
    what: str
    fix: str
    severity: Severity = "error"


class _Draft(NamedTuple):
    rubric: Rubric
    document: Document

    def prose(self) -> Iterator[tuple[Spot, str]]:
        """Walk over every text that people or judges read, with the place where it stands."""
        return _prose(self.document.values, ())


def lint(path: str | Path) -> tuple[Finding, ...]:
    """Find what is wrong, or likely to be wrong, with a rubric file.

    Parameters
    ----------
    path : str or Path
        A YAML document. If it is named `id.language.yaml` and its other edition stands beside
        it, the two are compared.

    Returns
    -------
    tuple of Finding
        In reading order; empty when the file is clean. A file that does not load gives its
        loading faults and nothing else. Only findings of severity `error` need mending.
    """
    try:
        document = read_document(Path(path))
    except RubricError as error:
        return (_loading(error, Path(path)),)
    try:
        rubric = Rubric.model_validate(document.values)
    except ValidationError as error:
        return tuple(_loading(fault, Path(path)) for fault in faults(Rubric, document, error))
    draft = _Draft(rubric, document)
    found = [
        _finding(name, fault, document) for name, rule in _RULES.items() for fault in rule(draft)
    ]
    return tuple(sorted(found, key=lambda finding: finding.line or 0))


def _loading(error: RubricError, path: Path) -> Finding:
    return Finding(
        rule="document",
        severity="error",
        path=path,
        line=error.line,
        what=error.what,
        fix=error.fix,
    )


def _finding(rule: str, fault: _Fault, document: Document) -> Finding:
    return Finding(
        rule=rule,
        severity=fault.severity,
        path=document.path,
        line=document.line(fault.spot),
        what=fault.what,
        fix=fault.fix,
    )


def _prose(value: Value, spot: Spot) -> Iterator[tuple[Spot, str]]:
    if isinstance(value, str) and (
        spot[-1] in _PROSE or "anchors" in spot or "counter_rules" in spot
    ):
        yield spot, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _prose(inner, (*spot, key))
    elif isinstance(value, tuple):
        for index, inner in enumerate(value):
            yield from _prose(inner, (*spot, index))


def _anchors_differ(draft: _Draft) -> Iterator[_Fault]:
    for index, criterion in enumerate(draft.rubric.criteria):
        seen: dict[str, int] = {}
        for anchor in criterion.scale.anchors:
            words = re.sub(r"\W+", " ", anchor.text).casefold().strip()
            if words in seen:
                what = f"levels {seen[words]} and {anchor.score} of {criterion.id} say the same"
                spot = ("criteria", index, "scale", "anchors", anchor.score)
                yield _Fault(spot, what, "say what sets them apart")
            seen[words] = anchor.score


def _texts_are_finished(draft: _Draft) -> Iterator[_Fault]:
    for spot, text in draft.prose():
        found = _UNFINISHED.search(text)
        if found:
            yield _Fault(spot, f"{quoted(found.group())} looks like a placeholder", "write it out")


def _texts_leave_the_boundary_alone(draft: _Draft) -> Iterator[_Fault]:
    for spot, text in draft.prose():
        if "<<<" in text or ">>>" in text:
            yield _Fault(
                spot, "the text imitates the material's boundary", "use other marks than <<< >>>"
            )


def _texts_are_in_the_language(draft: _Draft) -> Iterator[_Fault]:
    """Hold each text against the script of the language; where that is not known, nothing."""
    language = draft.rubric.language.split("-", 1)[0]
    wanted = {"zh": "Chinese", "en": "English"}.get(language, f"the language {language}")
    script = _SCRIPTS.get(language)
    for spot, text in draft.prose():
        if spot[-1] == "reference":
            continue
        foreign = not script.search(text) if script else _HAN.search(text) is not None
        if foreign:
            yield _Fault(spot, f"{quoted(text)} is not {wanted}", f"write it in {wanted}")


def _sources_say_where(draft: _Draft) -> Iterator[_Fault]:
    for spot, text in draft.prose():
        if spot[-1] == "reference" and text.strip(" .。").casefold() in _NOWHERE:
            yield _Fault(
                spot, f"source {quoted(text)} names nothing", "name a publication or this project"
            )


def _packs_keep_origins_apart(draft: _Draft) -> Iterator[_Fault]:
    for index, pack in enumerate(draft.rubric.packs):
        for position, item in enumerate(pack.items):
            if item.source == "published" and pack.source.kind == "project":
                yield _Fault(
                    ("packs", index, "items", position, "source"),
                    "a published principle in a pack whose source is the project",
                    "name the publication in the pack's source, or mark the item project",
                )


def _evidence_is_verbatim(draft: _Draft) -> Iterator[_Fault]:
    for index, example in enumerate(draft.rubric.examples):
        for position, grade in enumerate(example.grades):
            if grade.evidence not in example.response:
                yield _Fault(
                    ("examples", index, "grades", position, "evidence"),
                    f"evidence {quoted(grade.evidence)} is not in the example's response",
                    "copy it character for character, or leave it empty",
                )


def _examples_vary(draft: _Draft) -> Iterator[_Fault]:
    for position, criterion in enumerate(draft.rubric.criteria):
        scores = {example.grades[position].score for example in draft.rubric.examples}
        if len(draft.rubric.examples) > 1 and len(scores) == 1:
            what = f"every example gives {criterion.id} the same score"
            fix = "add one with another score, or a judge will learn to repeat it"
            yield _Fault(("examples",), what, fix, "warning")


def _thresholds_can_fail(draft: _Draft) -> Iterator[_Fault]:
    for index, criterion in enumerate(draft.rubric.criteria):
        lower = criterion.direction == "lower_is_better"
        worst = criterion.scale.max if lower else criterion.scale.min
        if criterion.threshold == worst:
            what = f"no score of {criterion.id} is beyond its threshold"
            fix = "move it to a better level, or drop it"
            yield _Fault(("criteria", index, "threshold"), what, fix, "warning")


def _editions_agree(draft: _Draft) -> Iterator[_Fault]:
    other = other_edition(draft.document.path, draft.rubric)
    if other is None:
        return
    try:
        twin = load_file(other)
    except RubricError as error:
        what = f"the other edition, {other.name}, does not load: {error.what}"
        yield _Fault(("id",), what, "mend that file first")
        return
    for difference in differences(draft.rubric, twin):
        yield _Fault(difference.spot, difference.what, f"make it agree with {other.name}")


def _rules_agree_with_themselves(draft: _Draft) -> Iterator[_Fault]:
    for index, criterion in enumerate(draft.rubric.criteria):
        if isinstance(criterion.rule, ToolPermission):
            yield from _permissions(criterion.rule, ("criteria", index, "rule"))


def _permissions(rule: ToolPermission, at: Spot) -> Iterator[_Fault]:
    """Find tools that stand in two lists, and lists that change nothing."""
    lists = {"allowed": rule.allowed or (), "needs_approval": rule.needs_approval}
    for name, tools in lists.items():
        for tool in tools:
            if tool in rule.denied:
                fix = "keep it in one list: what is denied stays denied"
                yield _Fault((*at, name), f"{quoted(tool)} is in {name} and in denied", fix)
    for tool in rule.needs_approval:
        if tool in lists["allowed"]:
            fix = "take it out of allowed: it may be called after an approval"
            yield _Fault((*at, "allowed"), f"{quoted(tool)} is allowed and needs approval", fix)
    if "*" in lists["allowed"]:
        fix = "name the tools, or leave allowed out"
        yield _Fault((*at, "allowed"), "'*' allows every tool", fix, "warning")


def _rules_stand_alone(draft: _Draft) -> Iterator[_Fault]:
    """Warn where a rule's levels are turned round: pages show a breach as the low level."""
    for index, criterion in enumerate(draft.rubric.criteria):
        if criterion.rule is not None and criterion.direction == "lower_is_better":
            what = f"{criterion.id} counts breaches upwards"
            fix = "write direction: higher_is_better, 0 for broken and 1 for kept"
            yield _Fault(("criteria", index, "direction"), what, fix, "warning")


_RULES: Mapping[str, Callable[[_Draft], Iterator[_Fault]]] = {
    "anchors-repeat": _anchors_differ,
    "placeholder": _texts_are_finished,
    "boundary": _texts_leave_the_boundary_alone,
    "language": _texts_are_in_the_language,
    "source": _sources_say_where,
    "origin": _packs_keep_origins_apart,
    "example-evidence": _evidence_is_verbatim,
    "example-spread": _examples_vary,
    "threshold-idle": _thresholds_can_fail,
    "rule-lists": _rules_agree_with_themselves,
    "rule-direction": _rules_stand_alone,
    "twin": _editions_agree,
}


# What changed between two rubrics, and whether it can move a score.

View = Literal["prompt", "schema", "score"]

_NOTHING: tuple[View, ...] = ()
_PROMPT: tuple[View, ...] = ("prompt",)
_SCORE: tuple[View, ...] = ("score",)
_TEXT: tuple[View, ...] = ("prompt", "schema")
_EVERYTHING: tuple[View, ...] = ("prompt", "schema", "score")


class Change(Record):
    """One difference between two rubrics."""

    at: str
    """Where, as in `criteria.safe.anchors.1`."""
    before: str | None
    """None where the first rubric has nothing there."""
    after: str | None
    """None where the second rubric has nothing there."""
    alters: tuple[View, ...]
    """The views that change with it; empty when no judge and no score can notice."""


class _Leaf(NamedTuple):
    at: str
    value: str
    alters: tuple[View, ...]


def diff(before: Rubric, after: Rubric) -> tuple[Change, ...]:
    """Compare two rubrics, criterion by criterion and text by text.

    Criteria and packs are matched by their id and group, examples and principles by position.

    Returns
    -------
    tuple of Change
        In the order of the rubrics. The digests differ exactly when some change alters a view.
    """
    old = {leaf.at: leaf for leaf in _leaves(before)}
    new = {leaf.at: leaf for leaf in _leaves(after)}
    return tuple(
        Change(
            at=at,
            before=old[at].value if at in old else None,
            after=new[at].value if at in new else None,
            alters=leaf.alters,
        )
        for at, leaf in (old | new).items()
        if old.get(at) != new.get(at)
    )


def _leaves(rubric: Rubric) -> Iterator[_Leaf]:
    yield _Leaf("id", rubric.id, _NOTHING)
    yield _Leaf("version", rubric.version, _NOTHING)
    yield _Leaf("language", rubric.language, _TEXT)
    yield _Leaf("title", rubric.title, _NOTHING)
    yield _Leaf("purpose", rubric.purpose, _NOTHING)
    yield _Leaf("level", _shown(rubric.level), _NOTHING)
    yield _Leaf("groups", ", ".join(rubric.groups) or "all", _NOTHING)
    yield _Leaf("unit", rubric.unit, _TEXT)
    yield _Leaf("roles", ", ".join(rubric.roles), _TEXT)
    yield _Leaf("instructions", rubric.instructions, _PROMPT)
    yield _Leaf("criteria", ", ".join(c.id for c in rubric.criteria), _TEXT)
    for criterion in rubric.criteria:
        yield from _criterion(criterion, f"criteria.{criterion.id}")
    if rubric.veto is not None:
        yield _Leaf("veto", f"{rubric.veto.criterion} at {rubric.veto.level}", _SCORE)
    for number, example in enumerate(rubric.examples, start=1):
        yield from _example(example, f"examples.{number}")
    for pack in rubric.packs:
        yield from _pack(pack, f"packs.{pack.group}")


def _criterion(criterion: Criterion, at: str) -> Iterator[_Leaf]:
    scale = criterion.scale
    yield _Leaf(f"{at}.title", criterion.title, _TEXT)
    yield _Leaf(f"{at}.question", criterion.question, _TEXT)
    if criterion.roles is not None:
        yield _Leaf(f"{at}.roles", ", ".join(criterion.roles), _TEXT)
    yield _Leaf(f"{at}.reference", criterion.reference, _PROMPT)
    if criterion.definition is not None:
        yield _Leaf(f"{at}.definition", criterion.definition, _PROMPT)
    for number, rule in enumerate(criterion.counter_rules, start=1):
        yield _Leaf(f"{at}.counter_rules.{number}", rule, _PROMPT)
    yield _Leaf(f"{at}.scale", f"{scale.min} to {scale.max} by {scale.step}", _EVERYTHING)
    for anchor in scale.anchors:
        yield _Leaf(f"{at}.anchors.{anchor.score}", anchor.text, _PROMPT)
    yield _Leaf(f"{at}.weight", f"{criterion.weight:g}", _SCORE)
    yield _Leaf(f"{at}.direction", criterion.direction, ("prompt", "score"))
    yield _Leaf(f"{at}.threshold", _shown(criterion.threshold), _SCORE)
    if criterion.rule is not None:
        yield _Leaf(f"{at}.rule", criterion.rule.model_dump_json(exclude_defaults=True), _SCORE)
    yield from _source(criterion.source, f"{at}.source")


def _example(example: Example, at: str) -> Iterator[_Leaf]:
    yield _Leaf(f"{at}.prompt", example.prompt, _PROMPT)
    yield _Leaf(f"{at}.response", example.response, _PROMPT)
    if example.reference is not None:
        yield _Leaf(f"{at}.reference", example.reference, _PROMPT)
    for grade in example.grades:
        yield _Leaf(f"{at}.{grade.criterion}.reasoning", grade.reasoning, _PROMPT)
        yield _Leaf(f"{at}.{grade.criterion}.evidence", grade.evidence, _PROMPT)
        yield _Leaf(f"{at}.{grade.criterion}.score", str(grade.score), _PROMPT)


def _pack(pack: Pack, at: str) -> Iterator[_Leaf]:
    yield _Leaf(f"{at}.title", pack.title, _PROMPT)
    yield from _source(pack.source, f"{at}.source")
    for number, item in enumerate(pack.items, start=1):
        yield _Leaf(f"{at}.{number}", item.text, _PROMPT)
        yield _Leaf(f"{at}.{number}.source", item.source, _NOTHING)


def _source(source: Source, at: str) -> Iterator[_Leaf]:
    yield _Leaf(f"{at}.kind", source.kind, _NOTHING)
    yield _Leaf(f"{at}.reference", source.reference, _NOTHING)
    yield _Leaf(f"{at}.note", _shown(source.note), _NOTHING)


def _shown(value: str | int | None) -> str:
    return "none" if value is None else str(value)


_CONTEXT = 15
"""Characters that are shown before two texts part."""

_SHOWN = 70
"""Characters of a text that are shown."""


def described_changes(before: Rubric, after: Rubric, changes: Sequence[Change]) -> list[str]:
    """Say in lines what changed between two rubrics, changes of meaning first."""
    telling = [change for change in changes if change.alters]
    silent = [change for change in changes if not change.alters]
    lines = [f"{_short(before)} -> {_short(after)}"]
    if not changes:
        return [*lines, "no difference"]
    if telling:
        lines += ["", f"{len(telling)} alter what a judge is told, may answer, or is scored:"]
        lines += [line for change in telling for line in _change(change)]
    if silent:
        lines += ["", f"{len(silent)} no judge and no score can notice:"]
        lines += [line for change in silent for line in _change(change)]
    return lines


def _short(rubric: Rubric) -> str:
    return f"{rubric.id} {rubric.version} ({rubric.language}, {rubric_digest(rubric)[:12]})"


def _change(change: Change) -> Iterator[str]:
    views = f" [{', '.join(change.alters)}]" if change.alters else ""
    start = _parting(change.before or "", change.after or "")
    yield f"  {change.at}{views}"
    if change.before is not None:
        yield f"    - {_excerpt(change.before, start)}"
    if change.after is not None:
        yield f"    + {_excerpt(change.after, start)}"


def _parting(one: str, other: str) -> int:
    """Find where two texts part, a little before it so that the words around are seen."""
    pairs = enumerate(zip(one, other, strict=False))
    differing = (place for place, (a, b) in pairs if a != b)
    return max(0, next(differing, min(len(one), len(other))) - _CONTEXT)


def _excerpt(text: str, start: int) -> str:
    flat = text.replace("\n", " ")
    cut = flat[start : start + _SHOWN]
    return f"{'…' if start else ''}{cut}{'…' if start + _SHOWN < len(flat) else ''}"
