"""Runs in a store, judged as a test wants them, without any judge being asked; hostile ones too."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from judge.manifest import Manifest, RubricEdition, Source
from judge.records import (
    Generation,
    Judge,
    Judgment,
    Language,
    Provenance,
    Reason,
    Scored,
    Unscored,
    Verdict,
)
from judge.report import from_run
from judge.report.model import Report
from judge.store.records import Run
from judge.store.store import Store, open_store
from rubrics import load_rubric
from rubrics.reply_schema import rubric_digest
from rubrics.rubric import Rubric

Score = int | Reason
"""A score, or why there is none."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How large a run is and what is written in it."""

    prompts: int = 6
    systems: Sequence[str] = ("v1", "v2")
    groups: Sequence[str | None] = ("law", "crimes")
    judges: Sequence[str] = ("openai/judge",)
    rubrics: Sequence[str] = ("safety",)
    lang: Language = "en"
    prompt: str = "Is it safe to eat?"
    response: str = "Cook it first."
    rationale: str = "It warns."
    evidence: str = "Cook it"
    reference: str | None = None
    provenance: Provenance = "LIVE"
    served_model: str | None = "judge-2026"
    cost_usd: float | None = 0.01
    flags: tuple[str, ...] = ()
    asked: bool = True
    """Whether the judge was asked at all."""
    name: str = "run"
    source: str = "responses.jsonl"
    item: str = "item"
    rubric_title: str | None = None
    """In place of the rubric's own title and of its criteria's."""


def store_at(folder: Path) -> Store:
    """Open a store of a test's own."""
    return open_store(str(folder / "report.db"))


def all_good(_number: int, _system: str) -> Score:
    """Score everything 1."""
    return 1


def judged_run(
    store: Store, shape: Shape = Shape(), score: Callable[[int, str], Score] = all_good
) -> Run:
    """Keep a run; `score` gives the first criterion's score by prompt number and system."""
    rubrics = [_titled(load_rubric(name, language=shape.lang), shape) for name in shape.rubrics]
    run = store.create_run(
        shape.name,
        _manifest(shape, rubrics),
        generations=_generations(shape),
        documents={f"rubric/{r.id}/{r.language}": r.model_dump_json() for r in rubrics},
    )
    if shape.asked:
        store.write(run, list(_judgments(shape, rubrics, score)))
    return run


def _titled(rubric: Rubric, shape: Shape) -> Rubric:
    if shape.rubric_title is None:
        return rubric
    title = {"title": shape.rubric_title}
    criteria = tuple(criterion.model_copy(update=title) for criterion in rubric.criteria)
    return rubric.model_copy(update={**title, "criteria": criteria})


def _manifest(shape: Shape, rubrics: Sequence[Rubric]) -> Manifest:
    rows = shape.prompts * len(shape.systems)
    return Manifest(
        source=Source(name=shape.source, sha256="0" * 64, rows=rows),
        rubrics=tuple(
            RubricEdition(
                rubric=rubric.id,
                language=rubric.language,
                digest=rubric_digest(rubric),
                criteria=tuple(criterion.id for criterion in rubric.criteria),
            )
            for rubric in rubrics
        ),
        judges=tuple(Judge(model=name) for name in shape.judges),
        planned=rows * len(rubrics) * len(shape.judges),
    )


def _generations(shape: Shape) -> Iterator[Generation]:
    for number in range(shape.prompts):
        for system in shape.systems:
            yield Generation(
                id=f"{shape.item}-{number:05}",
                prompt=shape.prompt,
                response=shape.response,
                reference=shape.reference,
                system=system,
                group=shape.groups[number % len(shape.groups)],
                lang=shape.lang,
            )


def _judgments(
    shape: Shape, rubrics: Sequence[Rubric], score: Callable[[int, str], Score]
) -> Iterator[Judgment]:
    for generation in _generations(shape):
        number = int(generation.id.removeprefix(f"{shape.item}-"))
        given = score(number, generation.system)
        for rubric in rubrics:
            for judge in shape.judges:
                yield Judgment(
                    key=f"{generation.id}/{generation.system}/{rubric.id}/{judge}",
                    id=generation.id,
                    system=generation.system,
                    sample=0,
                    group=generation.group,
                    lang=shape.lang,
                    judge=judge,
                    rubric=rubric.id,
                    rubric_hash=rubric_digest(rubric),
                    verdicts=tuple(_verdicts(shape, rubric, given)),
                    flags=shape.flags,
                    provenance=shape.provenance,
                    served_model=shape.served_model,
                    cost_usd=shape.cost_usd,
                    attempts=1,
                )


def _verdicts(shape: Shape, rubric: Rubric, given: Score) -> Iterator[Verdict]:
    for place, criterion in enumerate(rubric.criteria):
        if isinstance(given, str):
            yield Unscored(criterion=criterion.id, outcome=given, rationale=shape.rationale)
        else:
            yield Scored(
                criterion=criterion.id,
                score=given if place == 0 else criterion.scale.min,
                rationale=shape.rationale,
                evidence=shape.evidence,
            )


FAMILIES = {
    "element": "<script>window.pwned=1</script><img src=x onerror=window.pwned=1>",
    "attribute": '" \' onmouseover=window.pwned=1 autofocus onfocus=window.pwned=1 x="',
    "breakout": (
        "</title></style></svg></details></textarea>--><svg onload=window.pwned=1>"
        "<iframe srcdoc='<script>parent.pwned=1</script>'>]]>"
    ),
    "address": (
        "javascript:window.pwned=1 {{ 7*7 }} {% raw %} ${window.pwned=1} "
        "<a href=javascript:window.pwned=1>x</a>"
    ),
}
BENIGN = "A harmless text of much the same length, without any mark that means something."


def hostile_report(folder: Path, text: str) -> Report:
    """Make a report in which a text stands in every field that is not ours."""
    shape = Shape(
        prompts=4,
        systems=(f"a {text}", f"b {text}"),
        groups=(f"g {text}", f"h {text}"),
        judges=(f"openai/{text}",),
        prompt=text,
        response=text,
        rationale=text,
        evidence=text,
        reference=text,
        flags=(text,),
        served_model=text,
        name=f"run {text}",
        source=text,
        item=text,
        provenance="SIMULATED",
        # A rubric with hidden characters is refused when it is loaded.
        rubric_title=text if text.isascii() and text.isprintable() else None,
    )
    store = store_at(folder)

    def score(number: int, system: str) -> int:
        return int(number != 1 or system.startswith("a"))

    names = {group: (text, text) for group in shape.groups if group}
    return from_run(store, judged_run(store, shape, score), group_names=names)
