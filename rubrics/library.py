"""The rubrics that come with the package, and how a user names one."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, TypeVar

from rubrics.load import Spot, load_file, nearest
from rubrics.record import Record, RubricError, quoted
from rubrics.reply_schema import rubric_digest
from rubrics.rubric import Criterion, Pack, Rubric

LIBRARY = Path(__file__).parent / "library"

ANY_LANGUAGE = "{lang}"
"""In the name of a rubric's file, the place of its language."""

_ID = re.compile(r"[a-z][a-z0-9-]*")


class RubricEntry(Record):
    """One line of the library."""

    id: str
    languages: tuple[str, ...]
    titles: tuple[str, ...]
    """One for each language, in the same order."""
    criteria: tuple[str, ...]

    @property
    def title(self) -> str:
        """The titles in every language, side by side."""
        return " / ".join(self.titles)


def load_rubric(ref: str | Path, *, language: str = "zh") -> Rubric:
    """Get a rubric of the library by its id, or one's own from a file.

    Parameters
    ----------
    ref : str or Path
        An id such as "safety", or the path of a YAML file. A string is an id unless it has a
        dot or a slash in it.
    language : str
        Which edition of a library rubric: "zh" or "en". A file is in whatever language it says.

    Returns
    -------
    Rubric

    Raises
    ------
    RubricError
        If there is no such rubric, or the file is not a valid one.
    """
    if isinstance(ref, Path) or not _ID.fullmatch(ref):
        return load_file(Path(ref))
    editions = _editions()
    if ref not in editions:
        raise _unknown(ref, list(editions))
    if language not in editions[ref]:
        raise RubricError(
            f"rubric {quoted(ref)} has no edition in {quoted(language)}",
            fix=f"choose {' or '.join(editions[ref])}",
        )
    return _load_edition(ref, language)


def load_editions(ref: str | Path) -> dict[str, Rubric]:
    """Get all editions of a rubric, by language tag.

    Parameters
    ----------
    ref : str or Path
        As for `load_rubric`. A path with ``{lang}`` in its name stands for the files of all
        languages, as ``tone.{lang}.yaml`` for ``tone.fr.yaml`` and ``tone.ar.yaml``.

    Raises
    ------
    RubricError
        If there is no such rubric, a file is not valid, or the files are not one rubric.
    """
    if not isinstance(ref, Path) and _ID.fullmatch(ref):
        if ref not in _editions():
            raise _unknown(ref, list(_editions()))
        return {language: _load_edition(ref, language) for language in _editions()[ref]}
    path = Path(ref)
    if ANY_LANGUAGE not in path.name:
        own = load_file(path)
        return {own.language: own}
    found = [load_file(each) for each in sorted(path.parent.glob(_pattern(path.name)))]
    if not found:
        raise RubricError(f"no file is named like {quoted(str(path))}", fix="check the folder")
    for other in found[1:]:
        apart = next(iter(differences(found[0], other)), None)
        if apart is not None:
            first, second = found[0].language, other.language
            raise RubricError(
                f"{path.name}: {apart.what} differs between {first} and {second}",
                fix="let all languages of a rubric measure the same",
            )
    return {rubric.language: rubric for rubric in found}


Edition = TypeVar("Edition")


def fitting(editions: Mapping[str, Edition], tag: str | None, *, default: str) -> Edition:
    """Choose the edition of a rubric for an item.

    Parameters
    ----------
    editions : mapping of str to Rubric
        By language tag; at least one. Anything may stand for a rubric.
    tag : str or None
        The item's language; None is taken for the default.
    default : str
        The language that the run names for items whose language the rubric lacks.

    Returns
    -------
    Rubric
        The one in the item's language, or in a language of which the item's is a variety, as
        ``pt`` for ``pt-BR``; else in the default; else English; else the first.
    """
    for wanted in (tag, default, "en"):
        if wanted is None:
            continue
        for candidate in (wanted, wanted.split("-", 1)[0]):
            if candidate in editions:
                return editions[candidate]
    return next(iter(editions.values()))


@lru_cache(maxsize=64)
def in_language(rubric: Rubric, lang: str) -> Rubric:
    """Give the twin of a built-in rubric in a language; any other rubric as it is."""
    if rubric.language == lang:
        return rubric
    try:
        own = load_rubric(rubric.id, language=rubric.language)
        twin = load_rubric(rubric.id, language=lang)
    except RubricError:
        return rubric
    return twin if rubric_digest(own) == rubric_digest(rubric) else rubric


def _pattern(name: str) -> str:
    return "*".join(re.sub(r"([*?\[])", r"[\1]", part) for part in name.split(ANY_LANGUAGE))


def list_rubrics() -> tuple[RubricEntry, ...]:
    """List the library, by id."""
    return tuple(_entry(name, languages) for name, languages in _editions().items())


def _editions() -> dict[str, tuple[str, ...]]:
    """Find the languages of each rubric, Chinese first, from files named `id.language.yaml`."""
    found: dict[str, list[str]] = {}
    for path in sorted(LIBRARY.glob("*.*.yaml"), reverse=True):
        name, language, _ = path.name.split(".")
        found.setdefault(name, []).append(language)
    return {name: tuple(found[name]) for name in sorted(found)}


@lru_cache(maxsize=64)
def _load_edition(name: str, language: str) -> Rubric:
    return load_file(LIBRARY / f"{name}.{language}.yaml")


def _entry(name: str, languages: tuple[str, ...]) -> RubricEntry:
    editions = [_load_edition(name, language) for language in languages]
    return RubricEntry(
        id=name,
        languages=languages,
        titles=tuple(edition.title for edition in editions),
        criteria=tuple(criterion.id for criterion in editions[0].criteria),
    )


def _unknown(ref: str, known: list[str]) -> RubricError:
    meant = nearest(ref, known)
    fix = f"did you mean '{meant}'?" if meant else f"the library has {', '.join(known)}"
    return RubricError(f"no rubric {quoted(ref)}", fix=fix)


# The two editions of a rubric: wording differs, what is measured may not.


class Difference(NamedTuple):
    """Something the two editions must share and do not."""

    spot: Spot
    """Where it stands in the first edition."""
    what: str


def other_edition(path: Path, rubric: Rubric) -> Path | None:
    """Find the file of the other language beside a file named `id.language.yaml`."""
    if path.name != f"{rubric.id}.{rubric.language}.yaml":
        return None
    for language in ("zh", "en"):
        other = path.with_name(f"{rubric.id}.{language}.yaml")
        if language != rubric.language and other.is_file():
            return other
    return None


def differences(one: Rubric, other: Rubric) -> tuple[Difference, ...]:
    """List what two editions do not share, in the order of the first one.

    They must share the id, version, level, groups and veto; the criteria, their order, scales,
    weights, directions, thresholds and kinds of source; and for every group a pack with as many
    principles of the same kinds of source. Texts and examples are each edition's own.
    """
    return (*_frame(one, other), *_criteria(one, other), *_packs(one, other))


def _frame(one: Rubric, other: Rubric) -> Iterator[Difference]:
    shared = (
        ("id", one.id, other.id),
        ("version", one.version, other.version),
        ("level", one.level, other.level),
        ("groups", one.groups, other.groups),
        ("veto", one.veto, other.veto),
    )
    for name, mine, theirs in shared:
        if mine != theirs:
            yield Difference((name,), f"{name} differs between the editions")


def _criteria(one: Rubric, other: Rubric) -> Iterator[Difference]:
    mine, theirs = ([c.id for c in rubric.criteria] for rubric in (one, other))
    if mine != theirs:
        what = f"criteria are {quoted(', '.join(mine))} here and {quoted(', '.join(theirs))} there"
        yield Difference(("criteria",), what)
        return
    for index, (a, b) in enumerate(zip(one.criteria, other.criteria, strict=True)):
        for key in _unequal(a, b):
            yield Difference(("criteria", index, key), f"{key} of {a.id} differs")


def _unequal(a: Criterion, b: Criterion) -> Iterator[str]:
    if a.scale.levels != b.scale.levels:
        yield "scale"
    if a.weight != b.weight:
        yield "weight"
    if a.direction != b.direction:
        yield "direction"
    if a.threshold != b.threshold:
        yield "threshold"
    if a.rule != b.rule:
        yield "rule"
    if a.source.kind != b.source.kind:
        yield "source"


def _packs(one: Rubric, other: Rubric) -> Iterator[Difference]:
    if [pack.group for pack in one.packs] != [pack.group for pack in other.packs]:
        yield Difference(("packs",), "the packs are for other groups, or in another order")
        return
    for index, (a, b) in enumerate(zip(one.packs, other.packs, strict=True)):
        if _origins(a) != _origins(b):
            what = f"pack {quoted(a.group)} has other principles, by number or source"
            yield Difference(("packs", index, "items"), what)


def _origins(pack: Pack) -> tuple[str, ...]:
    return (pack.source.kind, *(item.source for item in pack.items))
