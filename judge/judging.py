"""The plan of a run that judges: which generations, under which rubrics, by which judges."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from judge import pairwise, pointwise
from judge.config import AS_IT_IS, Manifest, OnRefusal, RubricEdition, Source
from judge.grading import Form, Task
from judge.keys import model_digest
from judge.pointwise import Edition, Forms
from judge.records import Generation, Judge, Language
from judge.store.base import Run
from judge.store.sql import Store
from rubrics import RubricError, load_rubric
from rubrics.rubric import Rubric


@dataclass(frozen=True, kw_only=True)
class JudgingPlan:
    """What is to be judged, by what and by whom."""

    source: Source
    read: Callable[[], Iterator[Generation]]
    """Gives the generations anew with each call, so that they need not be held."""
    editions: tuple[Edition, ...]
    """One for each rubric."""
    judges: tuple[Judge, ...]
    repeats: int = 1
    pairwise: bool = False
    on_refusal: OnRefusal = AS_IT_IS
    """What is tried when a judge declines; only where responses are graded one at a time."""

    @property
    def asked(self) -> tuple[Judge, ...]:
        """The models that will be asked."""
        second = self.on_refusal.second
        return self.judges if second is None else (*self.judges, second)

    def tasks(self) -> Iterator[Task]:
        """Plan every judgment, streaming where the grading allows it."""
        if self.pairwise:
            return pairwise.tasks(self.read(), self.editions, self.judges, repeats=self.repeats)
        forms = Forms(self.editions, self.judges, self.on_refusal)
        return pointwise.tasks(self.read(), forms, repeats=self.repeats)

    def manifest(self) -> Manifest:
        """Say what the run is made of, before anything is asked.

        All generations are read once, so a bad file is refused before anything is written.
        """
        forms: dict[str, Form] = {}
        planned = 0
        for task in self.tasks():
            planned += 1
            place = f"{task.form.rubric}/{task.form.language}/{task.generation.group or ''}"
            forms.setdefault(place, task.form)
        return Manifest(
            kind="pairwise" if self.pairwise else "judge",
            source=self.source,
            rubrics=_editions(forms.values()),
            judges=self.judges,
            judge_digests={judge.name: model_digest(judge) for judge in self.judges},
            on_refusal=self.on_refusal,
            prompts={place: form.prompt_digest for place, form in forms.items()},
            repeats=self.repeats,
            planned=planned,
        )

    def create(self, store: Store, name: str, manifest: Manifest) -> Run:
        """Keep a new run, with the rubrics themselves: a user's file may change or go."""
        asked = {(edition.rubric, edition.language) for edition in manifest.rubrics}
        languages: tuple[Language, ...] = ("zh", "en")
        rubrics = [edition(language) for edition in self.editions for language in languages]
        documents = {
            _kind(rubric.id, rubric.language): rubric.model_dump_json()
            for rubric in rubrics
            if (rubric.id, rubric.language) in asked
        }
        return store.create_run(name, manifest, generations=self.read(), documents=documents)


def _editions(forms: Iterable[Form]) -> tuple[RubricEdition, ...]:
    found = {(form.rubric, form.language): form for form in forms}
    return tuple(
        RubricEdition(
            rubric=rubric, language=language, digest=form.rubric_hash, criteria=form.criteria
        )
        for (rubric, language), form in sorted(found.items())
    )


def kept_rubrics(store: Store, run: Run) -> dict[tuple[str, str], Rubric]:
    """Read the rubrics of a run, by id and language."""
    found: dict[tuple[str, str], Rubric] = {}
    for edition in run.manifest.rubrics:
        body = store.latest_document(run, _kind(edition.rubric, edition.language))
        if body is not None:
            found[edition.rubric, edition.language] = Rubric.model_validate_json(body)
    return found


@lru_cache(maxsize=64)
def in_language(rubric: Rubric, lang: Language) -> Rubric:
    """Give the twin of a built-in rubric in a language; any other rubric as it is."""
    if rubric.language == lang:
        return rubric
    try:
        own = load_rubric(rubric.id, language=rubric.language)
        twin = load_rubric(rubric.id, language=lang)
    except RubricError:
        return rubric
    return twin if own.digest == rubric.digest else rubric


def _kind(rubric: str, language: str) -> str:
    return f"rubric/{rubric}/{language}"
