"""Draw items of a run for experts, and keep how likely each was to be drawn."""

import secrets
from collections import Counter
from dataclasses import dataclass

import numpy as np

from calibration.sampling import draw
from judge.errors import ConfigError
from judge.importers.sheets import text_digest
from judge.judging import in_language, kept_rubrics
from judge.pointwise import language_of
from judge.ratings import chosen_judge
from judge.records import Generation, Language
from judge.samples import Sample, SampleDesign, SampledItem
from judge.store.base import Run
from judge.store.sql import Store
from judge.trust.from_run import field_of, levels_of
from rubrics.rubric import Criterion


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be drawn.

    Attributes
    ----------
    n : int
        Items.
    design : {'random', 'by-verdict', 'neyman'}
    by : str or None
        Column whose values are strata beside the systems.
    criteria : tuple of str
        What experts are asked for; the first also parts the items by verdict. Empty for the
        first criterion of each rubric.
    seed : int
        Same seed, same items.
    lang : Language or None
        In which experts are asked; None for the language of most items drawn.
    """

    n: int
    design: SampleDesign = "random"
    by: str | None = None
    criteria: tuple[str, ...] = ()
    seed: int = 0
    lang: Language | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A draw, with what experts are to see of it."""

    sample: Sample
    shown: tuple[Generation, ...]
    """In the order of the sample's items."""
    criteria: tuple[Criterion, ...]
    lang: Language
    """In which experts are asked."""


def draw_items(store: Store, run: Run, wish: Wish) -> Drawn:
    """Draw items of a run, system by system, without keeping anything yet.

    Raises
    ------
    ConfigError
        If a criterion is not the run's, or a response lacks the column of the strata.
    ValueError
        If there are not so many items.
    """
    rubric, criteria = _asked(store, run, wish.criteria)
    generations = tuple(store.generations(run))
    levels = np.full(len(generations), np.nan)
    judge = None if wish.design == "random" else chosen_judge(run)
    if judge is not None:
        levels = levels_of(
            store, run, series=(judge, rubric, criteria[0].id), generations=generations
        )
    rng = np.random.default_rng(wish.seed)
    strata = [f"{each.system}\0{_stratum(each, wish.by)}" for each in generations]
    drawn = draw(levels, wish.n, rng=rng, design=wish.design, strata=strata)
    # Shuffled, so that neither the order of the file nor that of systems shows.
    order = rng.permutation(drawn.indices.size)
    chosen = [generations[drawn.indices[place]] for place in order]
    chances = drawn.probabilities[order].tolist()
    sample = Sample(
        design=wish.design,
        seed=wish.seed,
        by=wish.by,
        judge=judge,
        rubric=None if judge is None else rubric,
        criterion=None if judge is None else criteria[0].id,
        asked=tuple(criterion.id for criterion in criteria),
        cells=tuple(drawn.cells.tolist()),
        items=tuple(_item(each, chance) for each, chance in zip(chosen, chances, strict=True)),
    )
    lang = wish.lang or Counter[Language](language_of(each) for each in chosen).most_common(1)[0][0]
    told = _told(store, run, criteria, lang=lang)
    return Drawn(sample=sample, shown=tuple(chosen), criteria=told, lang=lang)


def _asked(store: Store, run: Run, names: tuple[str, ...]) -> tuple[str, tuple[Criterion, ...]]:
    """Find the criteria to ask for, by name or as tables print it, and the rubric of the first."""
    known: dict[str, tuple[str, Criterion]] = {}
    first: dict[str, str] = {}
    for (rubric_id, _), rubric in kept_rubrics(store, run).items():
        first.setdefault(rubric_id, rubric.criteria[0].id)
        for criterion in rubric.criteria:
            known.setdefault(criterion.id, (rubric_id, criterion))
    printed = {f"{rubric_id}.{name}": name for name, (rubric_id, _) in known.items()}
    wanted = tuple(printed.get(name, name) for name in names) or tuple(first.values())
    strangers = [name for name in wanted if name not in known]
    if strangers or not wanted:
        raise ConfigError(
            f"run {run.name!r} has no criterion {', '.join(strangers)}; "
            f"it has {', '.join(known) or 'none'}."
        )
    return known[wanted[0]][0], tuple(known[name][1] for name in wanted)


def _told(
    store: Store, run: Run, criteria: tuple[Criterion, ...], *, lang: Language
) -> tuple[Criterion, ...]:
    """Give the criteria in the words of a language, where their rubric has them."""
    kept = kept_rubrics(store, run)
    own = [rubric for (_, written), rubric in sorted(kept.items()) if written == lang]
    twins = [in_language(rubric, lang) for _, rubric in sorted(kept.items())]
    words = {each.id: each for rubric in (*twins, *own) for each in rubric.criteria}
    return tuple(words.get(criterion.id, criterion) for criterion in criteria)


def _stratum(generation: Generation, by: str | None) -> str:
    if by is None:
        return ""
    value = field_of(generation, by)
    if value is None:
        raise ConfigError(f"response {generation.id!r} has no {by!r}, which --by names.")
    return value


def _item(generation: Generation, chance: float) -> SampledItem:
    return SampledItem(
        task=f"t-{secrets.token_hex(5)}",
        id=generation.id,
        system=generation.system,
        sample=generation.sample,
        probability=chance,
        text_sha256=text_digest(generation.prompt, generation.response),
    )
