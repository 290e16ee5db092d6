"""The rubrics that come with the package, and how a user names one."""

import re
from functools import lru_cache
from pathlib import Path

from rubrics.document import nearest
from rubrics.errors import RubricError, quoted
from rubrics.load import load_file
from rubrics.record import Record
from rubrics.rubric import Rubric

LIBRARY = Path(__file__).parent / "library"

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
