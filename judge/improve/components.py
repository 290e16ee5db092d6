"""The texts of a rubric that may change, by name: definitions, counter-rules, anchors, examples.

Everything else of a rubric is frozen: id, language, scales, weights, directions, thresholds, veto,
order of criteria, questions and titles (the reply's schema holds them), instructions and packs.
"""

from collections.abc import Iterable, Mapping, Sequence

from pydantic import ValidationError

from judge.errors import ConfigError
from rubrics.rubric import Criterion, Example, Rubric

Components = Mapping[str, str]
"""Name such as ``safe.definition``, ``safe.counter_rules`` or ``safe.anchors.0``, to text."""

DEFINITION, COUNTER_RULES, ANCHORS = "definition", "counter_rules", "anchors"
_BULLETS = "-*•·－"


def components_of(rubric: Rubric, criteria: Iterable[str]) -> dict[str, str]:
    """Give the texts of some criteria, in the order in which a judge reads them.

    Parameters
    ----------
    rubric : Rubric
    criteria : iterable of str
        Ids; those without a label have no business here, for nobody can tell what a change does.

    Returns
    -------
    dict of str to str
        A text that the rubric does not have is empty; counter-rules stand one a line.
    """
    found: dict[str, str] = {}
    for name in criteria:
        criterion = rubric.criterion(name)
        found[f"{name}.{DEFINITION}"] = criterion.definition or ""
        found[f"{name}.{COUNTER_RULES}"] = "\n".join(criterion.counter_rules)
        for anchor in criterion.scale.anchors:
            found[f"{name}.{ANCHORS}.{anchor.score}"] = anchor.text
    return found


def with_components(
    rubric: Rubric, components: Components, *, examples: Sequence[Example] = ()
) -> Rubric:
    """Write texts into a rubric; the version is the next one where anything changes.

    Parameters
    ----------
    rubric : Rubric
    components : mapping of str to str
        Some or all of what `components_of` names.
    examples : sequence of Example
        Added after the rubric's own.

    Raises
    ------
    ConfigError
        If a text cannot stand in a rubric: it is empty where one is needed, or holds hidden
        characters.
    """
    changed = [_written(criterion, components) for criterion in rubric.criteria]
    shown = tuple(example.model_dump() for example in (*rubric.examples, *examples))
    fields = {**rubric.model_dump(), "criteria": tuple(changed), "examples": shown}
    try:
        new = Rubric.model_validate(fields)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        place = ".".join(str(step) for step in fault["loc"])
        raise ConfigError(f"{place}: {fault['msg']}") from None
    if new == rubric:
        return rubric
    return new.model_copy(update={"version": next_version(rubric.version)})


def changed_fields(before: Rubric, after: Rubric) -> tuple[str, ...]:
    """Name the texts in which two editions of a rubric differ, with examples as one."""
    names = [criterion.id for criterion in before.criteria]
    old, new = components_of(before, names), components_of(after, names)
    changed = [name for name in old if old[name] != new.get(name)]
    return (*changed, "examples") if before.examples != after.examples else tuple(changed)


def added_characters(before: Rubric, after: Rubric) -> int:
    """Count by how many characters the trusted text grew; what was cut counts as nothing."""
    from rubrics.prompt import render

    return max(0, len(render(after)) - len(render(before)))


def frozen_part(rubric: Rubric) -> object:
    """Give all of a rubric that may not change, to be compared."""
    bare = rubric.model_dump(mode="json", exclude={"version", "examples"})
    for criterion in bare["criteria"]:
        criterion.pop(DEFINITION, None)
        criterion.pop(COUNTER_RULES, None)
        for anchor in criterion["scale"]["anchors"]:
            anchor.pop("text")
    return bare


def next_version(version: str) -> str:
    """Count the last number of a version up by one: a rubric's texts are its minor version.

    Examples
    --------
    >>> next_version("1.0"), next_version("3")
    ('1.1', '3.1')
    """
    head, dot, last = version.rpartition(".")
    return f"{head}.{int(last) + 1}" if dot else f"{version}.1"


def _written(criterion: Criterion, components: Components) -> dict[str, object]:
    fields = criterion.model_dump()
    definition = components.get(f"{criterion.id}.{DEFINITION}")
    if definition is not None:
        fields[DEFINITION] = definition.strip() or None
    rules = components.get(f"{criterion.id}.{COUNTER_RULES}")
    if rules is not None:
        fields[COUNTER_RULES] = tuple(_lines(rules))
    anchors = tuple(
        {
            "score": anchor.score,
            "text": components.get(f"{criterion.id}.{ANCHORS}.{anchor.score}", anchor.text),
        }
        for anchor in criterion.scale.anchors
    )
    return {**fields, "scale": {**fields["scale"], "anchors": anchors}}


def _lines(text: str) -> Iterable[str]:
    for line in text.splitlines():
        rule = line.strip().lstrip(_BULLETS).strip()
        if rule:
            yield rule
