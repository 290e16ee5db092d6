"""Guards: what no candidate may do before it is shown to a judge, or becomes the rubric.

A candidate's texts come from a model that has read data sets and hostile responses, or from a
person in a hurry. Before a judge sees them they must leave everything else of the rubric as it is,
pass the lint, stay short, imitate no boundary, and copy nothing from labelled cases outside the
worked examples. Before the seal is broken the judge must still give the verdicts that nobody
doubts, and must not be easier to talk round than before.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from judge.grading.remarks import CANARY_ALARM, canaries
from judge.improve.cases import Case
from judge.improve.components import ANCHORS, added_characters, components_of, frozen_part
from judge.improve.evaluation import Engine, Judged, Setup
from judge.records import Generation, Record
from rubrics.lint import lint
from rubrics.prompt import wording
from rubrics.rubric import Rubric, frame_language
from rubrics.save import document

TOKENS = 8
"""Words in a row, of a language with spaces, that count as copied."""
CHARACTERS = 12
"""Characters in a row, of Chinese, that count as copied."""
LONGEST_FIELD = {"en": 1500, "zh": 600}
"""Characters of one text."""
MOST_ADDED = {"en": 6000, "zh": 2500}
"""Characters by which the whole prompt may grow, worked examples aside."""
ATTACKED = 4
"""Plainly unsafe texts of each language to which every attack string is added."""

_WORD = re.compile(r"[a-z0-9']+")
_HAN = re.compile(r"[\u3400-\u9fff]+")


class Fault(Record):
    """Why a candidate is rejected."""

    guard: str
    """``frozen``, ``lint``, ``length``, ``copied``, ``canaries`` or ``attacks``."""
    what: str


class Texts:
    """Token sequences of the labelled cases, to find copies of them."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._words: set[tuple[str, ...]] = set()
        self._characters: set[str] = set()
        for text in texts:
            words, characters = _grams(text)
            self._words |= words
            self._characters |= characters

    def copied(self, text: str, *, allowed: str = "") -> str | None:
        """Give a passage of a text that stands in a case and not in an allowed text, or None."""
        words, characters = _grams(text)
        own_words, own_characters = _grams(allowed)
        for gram in sorted(words & self._words - own_words):
            return " ".join(gram)
        for gram in sorted(characters & self._characters - own_characters):
            return gram
        return None


def _grams(text: str) -> tuple[set[tuple[str, ...]], set[str]]:
    lowered = text.casefold().replace("\u2019", "'")
    words = _WORD.findall(lowered)
    grams = {tuple(words[at : at + TOKENS]) for at in range(len(words) - TOKENS + 1)}
    # Marks and spaces between Chinese characters do not hide a copy.
    joined = "".join(_HAN.findall(lowered))
    pieces = {joined[at : at + CHARACTERS] for at in range(len(joined) - CHARACTERS + 1)}
    return grams, pieces


def written_faults(before: Rubric, after: Rubric, texts: Texts) -> tuple[Fault, ...]:
    """Find what can be found without a call.

    Parameters
    ----------
    before, after : Rubric
    texts : Texts
        Of all labelled cases, those of the sealed part too.

    Returns
    -------
    tuple of Fault
        Empty where the candidate may be shown to a judge.
    """
    return (
        *_frozen(before, after),
        *_length(before, after),
        *_copied(before, after, texts),
        *_linted(before, after),
    )


def _frozen(before: Rubric, after: Rubric) -> Iterable[Fault]:
    if frozen_part(before) != frozen_part(after):
        yield Fault(guard="frozen", what="it changes more than the texts that may change")
    if not set(before.examples) <= set(after.examples):
        yield Fault(guard="frozen", what="it drops or changes an example of the rubric")


def _changed(before: Rubric, after: Rubric) -> dict[str, tuple[str, str]]:
    names = [criterion.id for criterion in before.criteria]
    old, new = components_of(before, names), components_of(after, names)
    return {name: (old.get(name, ""), text) for name, text in new.items() if old.get(name) != text}


def _length(before: Rubric, after: Rubric) -> Iterable[Fault]:
    most = LONGEST_FIELD[frame_language(before.language)]
    for name, (_, text) in _changed(before, after).items():
        if len(text) > most:
            yield Fault(guard="length", what=f"{name} has {len(text)} characters; {most} at most")
        if not text.strip() and f".{ANCHORS}." in name:
            yield Fault(guard="length", what=f"{name} is empty")
    bare = after.model_copy(update={"examples": before.examples})
    grown = added_characters(before, bare)
    if grown > MOST_ADDED[frame_language(before.language)]:
        most = MOST_ADDED[frame_language(before.language)]
        yield Fault(
            guard="length",
            what=f"the prompt grows by {grown} characters; {most} at most",
        )


def _copied(before: Rubric, after: Rubric, texts: Texts) -> Iterable[Fault]:
    words = wording(before.language)
    allowed = " \n ".join([before.model_dump_json(), words.model_dump_json()])
    for name, (_, text) in _changed(before, after).items():
        passage = texts.copied(text, allowed=allowed)
        if passage is not None:
            yield Fault(
                guard="copied", what=f"{name} copies from a labelled case: {passage[:60]!r}"
            )


def _linted(before: Rubric, after: Rubric) -> Iterable[Fault]:
    """Find what the lint finds in the candidate and not in the old rubric."""
    known = set(_findings(before))
    for what, fix in _findings(after):
        if (what, fix) not in known:
            yield Fault(guard="lint", what=f"{what}; {fix}")


def _findings(rubric: Rubric) -> list[tuple[str, str]]:
    with TemporaryDirectory() as folder:
        path = Path(folder, "candidate.yaml")
        path.write_text(document(rubric), encoding="utf-8")
        return [(each.what, each.fix) for each in lint(path) if each.severity == "error"]


def guard_cases(rubric: Rubric, *, attacks: bool) -> tuple[Case, ...]:
    """Give texts with known verdicts, bare or with attack strings added.

    Returns
    -------
    tuple of Case
        Empty where no criterion of the rubric has known verdicts.
    """
    known = {criterion.id for criterion in rubric.criteria}
    mine = [
        each
        for each in canaries()
        if known & each.levels.keys() and each.generation.lang == frame_language(rubric.language)
    ]
    if attacks:
        added = attack_strings()[frame_language(rubric.language)]
        unsafe = [each for each in mine if each.levels.get("safe") == 0][:ATTACKED]
        return tuple(
            _case(_with(each.generation, attack, number), each.levels)
            for each in unsafe
            for number, attack in enumerate(added, start=1)
        )
    return tuple(_case(each.generation, each.levels) for each in mine)


def _with(generation: Generation, attack: str, number: int) -> Generation:
    text = f"{generation.response}\n\n{attack}"
    return generation.model_copy(update={"response": text, "sample": number})


def _case(generation: Generation, levels: Mapping[str, int]) -> Case:
    labels = {name: float(level) for name, level in levels.items()}
    name = generation.id
    return Case(generation=generation, cluster=name, prompts=(name,), labels=labels)


@cache
def attack_strings() -> Mapping[str, Sequence[str]]:
    """Read our attack strings, by language."""
    return json.loads(files("judge.improve").joinpath("attacks.json").read_text(encoding="utf-8"))


async def asked_faults(engine: Engine, before: Setup, after: Setup) -> tuple[Fault, ...]:
    """Find what only a judge can show: canaries, and attack strings.

    The old setup is asked too: a judge that never passed must not block a better rubric.
    """
    plain = guard_cases(before.rubric, attacks=False)
    if not plain:
        return ()
    found: list[Fault] = []
    old, new = await engine.judge((before, after), plain)
    was, now = _known_share(old, plain), _known_share(new, plain)
    if now < min(CANARY_ALARM, was):
        what = f"{now:.0%} of the known verdicts, {was:.0%} before; {CANARY_ALARM:.0%} are needed"
        found.append(Fault(guard="canaries", what=what))
    attacked = guard_cases(before.rubric, attacks=True)
    old, new = await engine.judge((before, after), attacked)
    was, now = _known_share(old, attacked), _known_share(new, attacked)
    if now < was:
        what = f"{now:.0%} of verdicts hold against attack strings, {was:.0%} before"
        found.append(Fault(guard="attacks", what=what))
    return tuple(found)


def _known_share(judged: Sequence[Judged], cases: Sequence[Case]) -> float:
    """Share of the known verdicts that were given; a missing one was not given."""
    wanted = given = 0
    for said, case in zip(judged, cases, strict=True):
        for name, level in case.labels.items():
            if name in said.levels:
                wanted += 1
                given += said.levels[name] == level
    return given / wanted if wanted else 1.0
