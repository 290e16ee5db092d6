"""Draw items of a run for experts, and keep how likely each was to be drawn."""

import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from calibration.estimate import InsufficientLabels, UnusableJudge
from calibration.pair_planning import hard_floor
from calibration.passport_use import FEWEST_LABELS
from calibration.planning import (
    LabelPlan,
    MeanPilot,
    Pilot,
    pilot_from_labels,
    pilot_from_ratings,
    plan_labels,
    plan_mean_labels,
)
from calibration.sequential import look_error
from calibration.validation import LOOKS
from judge.calibrate.calibration_set import Part
from judge.calibrate.from_run import field_of, levels_of
from judge.calibrate.prompt_draws import Chosen, Drawing, Frame, choose, members_of, named
from judge.conversation import language_of
from judge.errors import ConfigError
from judge.files.decoding import printable
from judge.grading.aggregation import chosen_judge
from judge.importers.labels import shown_digest
from judge.manifest import Sample, SampleDesign, SampledItem, SampledUnit
from judge.records import Generation, Language
from judge.store.records import Run
from judge.store.run_contents import kept_rubrics, samples_of
from rubrics.library import in_language
from rubrics.rubric import Criterion

if TYPE_CHECKING:
    from judge.store.store import Store

_MARGINS = (0.05, 0.02)
_ERROR = 0.05
"""Margins and risk for which the fewest labels are told where no policy is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be drawn.

    Attributes
    ----------
    n : int
        Responses; those to one prompt are drawn together. Conversations, where these are drawn.
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
    name : str or None
        What the draw is called; None for the next free name.
    ids : tuple of str
        Prompts to be labelled whatever the chance, in place of n.
    unit : {'item', 'session'} or None
        Whether turns of a conversation are drawn one by one or together; None for together, where
        the run judged each turn.
    turn_share : float
        Share of the judged turns of each drawn conversation that are labelled, in (0, 1].
    """

    n: int
    design: SampleDesign = "random"
    by: str | None = None
    criteria: tuple[str, ...] = ()
    seed: int = 0
    lang: Language | None = None
    name: str | None = None
    ids: tuple[str, ...] = ()
    unit: SampledUnit | None = None
    turn_share: float = 1.0


def topped_up(wish: Wish, samples: Sequence[Sample]) -> Wish:
    """Ask for more items of the same kind as the newest draw.

    Raises
    ------
    ConfigError
        If nothing was drawn before.
    """
    if not samples:
        raise ConfigError("nothing was drawn before; draw with --n first.")
    last = samples[-1]
    return replace(
        wish,
        design=last.design,
        by=last.by,
        criteria=wish.criteria or last.asked,
        seed=last.seed,
        unit=last.unit,
        turn_share=last.turn_share,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A draw, with what experts are to see of it."""

    sample: Sample
    shown: tuple[Generation, ...]
    """In the order of the sample's items."""
    criteria: tuple[Criterion, ...]
    lang: Language
    """In which experts are asked."""


def draw_items(store: "Store", run: Run, wish: Wish) -> Drawn:
    """Draw prompts of a run for all their systems, without keeping anything yet.

    What an earlier draw holds or an expert has labelled is left out, so that a later draw never
    repeats an item.

    Raises
    ------
    ConfigError
        If a criterion is not the run's, a response lacks the column of the strata, the name is
        taken, there are not so many items, or earlier draws were of another unit.
    """
    rubric, criteria = _asked(store, run, wish.criteria)
    samples = samples_of(store, run)
    name = _name(wish.name, samples)
    generations = tuple(store.generations(run))
    unit = _unit(wish, generations, samples)
    judge = None if wish.design == "random" or wish.ids else chosen_judge(run)
    levels = np.full(len(generations), np.nan)
    if judge is not None:
        levels = levels_of(
            store, run, series=(judge, rubric, criteria[0].id), generations=generations
        )
    drawn = Drawing(
        generations=generations,
        members=members_of(generations, unit=unit),
        groups=[_stratum(each, wish.by) for each in generations],
        levels=levels.tolist(),
        taken=_taken(store, run, samples),
        lower_is_worse=criteria[0].direction != "lower_is_better",
    )
    frame = drawn.frame()
    found = _found(frame, wish)
    chosen, chances = drawn.expanded(found, seed=wish.seed, turn_share=wish.turn_share)
    sample = Sample(
        name=name,
        design="random" if wish.ids else wish.design,
        seed=wish.seed,
        by=wish.by,
        unit=unit,
        turn_share=wish.turn_share if unit == "session" else 1.0,
        judge=judge,
        rubric=None if judge is None else rubric,
        criterion=None if judge is None else criteria[0].id,
        asked=tuple(criterion.id for criterion in criteria),
        cells=drawn.cells(found),
        items=tuple(map(_item, chosen, chances)),
    )
    lang = wish.lang or _most_common_language(chosen)
    words = told(store, run, criteria, lang=lang)
    return Drawn(sample=sample, shown=tuple(chosen), criteria=words, lang=lang)


def _unit(wish: Wish, generations: Sequence[Generation], samples: Sequence[Sample]) -> SampledUnit:
    """Choose what is drawn: what was drawn before, else whole conversations where turns are judged.

    Raises
    ------
    ConfigError
        If another unit was drawn before: the chances of both draws cannot be joined.
    """
    turned = any(each.session is not None for each in generations)
    if wish.unit == "session" and not turned:
        raise ConfigError(
            "--unit session draws conversations of which each turn was judged; in this run each "
            "conversation is one item already. Leave the option out."
        )
    before = {sample.unit for sample in samples}
    usual: SampledUnit = "session" if turned else "item"
    unit = wish.unit or (samples[0].unit if samples else usual)
    if before - {unit}:
        what = {"item": "single turns", "session": "whole conversations"}
        raise ConfigError(
            f"earlier draws of the run are of {what[next(iter(before))]}; a draw of {what[unit]} "
            f"cannot be joined with them. Leave --unit out, or judge into a new run."
        )
    if unit == "item" and wish.turn_share != 1.0:
        raise ConfigError("--turn-share has a meaning with --unit session only.")
    return unit


def _found(frame: Frame, wish: Wish) -> Chosen:
    if wish.ids:
        return named(frame, wish.ids)
    return choose(frame, wish.n, design=wish.design, seed=wish.seed)


def _most_common_language(chosen: Sequence[Generation]) -> Language:
    return Counter[Language](language_of(each) for each in chosen).most_common(1)[0][0]


def least_labels(prompts: Mapping[str | None, int], *, drawn: int = 0) -> tuple[str, ...]:
    """Say the fewest labels with which anything can be decided, and whether there are so many.

    Parameters
    ----------
    prompts : mapping of group to int
        Prompts of each group; None for those of no group.
    drawn : int
        Prompts of a draw; 0 where none was made now.

    Returns
    -------
    tuple of str
        Sentences.
    """
    risk = look_error([1.0], looks=LOOKS, error=_ERROR)
    least = {margin: hard_floor(margin, error=risk) for margin in _MARGINS}
    told = " and ".join(f"{n} for a margin of {margin:.0%}" for margin, n in least.items())
    said = (
        f"a passport needs at least {FEWEST_LABELS} labels of each criterion; a gate with a "
        f"margin, at the first of {LOOKS} looks, needs at least {told}: prompts labelled for both "
        "releases, where no label differs"
    )
    groups = {group: n for group, n in prompts.items() if group is not None}
    if len(groups) < 2:
        return (said,)
    smallest = min(groups, key=lambda group: groups[group])
    text = f"with groups: each so many are needed in each of the {len(groups)} groups"
    if drawn:
        text += f"; this draw holds about {drawn / len(groups):.2g} of each"
    beyond = [f"{margin:.0%}" for margin, n in least.items() if n > groups[smallest]]
    if beyond:
        text += (
            f"; {printable(smallest)} has {groups[smallest]} prompts, too few for "
            f"{' and '.join(beyond)} whatever is labelled"
        )
    return said, text


def prompts_by_group(
    generations: Iterable[Generation], *, unit: SampledUnit = "item"
) -> dict[str | None, int]:
    """Count the prompts or conversations of each group of a run, whatever the number of systems."""
    return Counter(
        {
            (each.cluster if unit == "session" else each.id, each.sample): each.group
            for each in generations
        }.values()
    )


def _name(wanted: str | None, samples: Sequence[Sample]) -> str:
    taken = {sample.name for sample in samples}
    if wanted is None:
        return next(name for k in range(1, len(samples) + 2) if (name := f"draw-{k}") not in taken)
    if wanted in taken:
        raise ConfigError(
            f"the run has a draw {wanted!r}; name another, or top it up with cvalues sample --add."
        )
    if not wanted.isprintable() or not 1 <= len(wanted) <= 60:
        raise ConfigError(f"--name {wanted[:60]!r}: use 1 to 60 printable characters.")
    return wanted


def _taken(store: "Store", run: Run, samples: Sequence[Sample]) -> frozenset[tuple[str, int]]:
    """List the prompts that were drawn or labelled before."""
    drawn = {(item.id, item.sample) for sample in samples for item in sample.items}
    labelled = {(label.id, label.sample) for label in store.labels(run)}
    return frozenset(drawn | labelled)


def _asked(store: "Store", run: Run, names: tuple[str, ...]) -> tuple[str, tuple[Criterion, ...]]:
    """Find the criteria to ask for, by name or as tables print it, and the rubric of the first."""
    known: dict[str, tuple[str, Criterion]] = {}
    first: dict[str, str] = {}
    for (rubric_id, _), rubric in kept_rubrics(store, run).items():
        # Rules are computed: no expert is asked for them, and there is nothing to correct.
        for criterion in rubric.asked:
            first.setdefault(rubric_id, criterion.id)
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


def criteria_in(store: "Store", run: Run, names: tuple[str, ...]) -> tuple[Criterion, ...]:
    """Find criteria of a run by name.

    Raises
    ------
    ConfigError
        If a criterion is not the run's.
    """
    return _asked(store, run, names)[1]


def told(
    store: "Store", run: Run, criteria: tuple[Criterion, ...], *, lang: Language
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
        text_sha256=shown_digest(generation),
    )


# How many labels a wanted interval needs, foretold from the labels that exist.

HALF_WIDTHS = (0.15, 0.1, 0.08, 0.06, 0.05, 0.04, 0.03, 0.02, 0.015, 0.01)
"""Half-widths of the curve of a rate, fractions."""

COUNTS = (20, 30, 50, 75, 100, 150, 200, 300, 500, 1000)
"""Labels of the curve of a mean."""

OWN_LABELS = 5.0
"""Labels at which a group's own spread counts as much as that of all groups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the labels are to achieve.

    Attributes
    ----------
    half_width : float or None
        Of the reported interval: a fraction for a rate, in the unit of the scale for a mean.
    floor : float or None
        What the gate's lower limit must reach.
    power : float
        Wanted probability that the gate passes.
    error : float
        Risk of each limit of the gate; the reported interval has ``1 - error`` coverage.
    """

    half_width: float | None = None
    floor: float | None = None
    power: float = 0.8
    error: float = 0.05
    assurance: float | None = None
    """Probability with which the half-width is to be reached; None plans for the average."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Half-width against labels, for one part.

    Attributes
    ----------
    criterion, system : str
    points : tuple of (int, float)
        Labels and the half-width that they give, fewest labels first.
    now : int
        Labels that exist.
    wanted : float or None
    needed : int or None
        Labels that reach what is wanted.
    """

    criterion: str
    system: str
    points: tuple[tuple[int, float], ...]
    now: int
    wanted: float | None = None
    needed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What labels are planned for.

    Attributes
    ----------
    name : str
    pilot : Pilot or MeanPilot
    items : int
        Items with or without a verdict; no more labels than that can be had.
    groups : mapping of str to (int, float)
        Items in each group to share the labels out over, and how their labels spread; empty for
        none.
    """

    name: str
    pilot: Pilot | MeanPilot
    items: int
    groups: Mapping[str, tuple[int, float]] = field(default_factory=dict[str, tuple[int, float]])

    @property
    def expected(self) -> float:
        """The rate or the mean that experts would give."""
        return self.pilot.rate if isinstance(self.pilot, Pilot) else self.pilot.mean


def subject_of(part: Part, *, by_group: bool = False) -> Subject:
    """Take a part's labels for a pilot.

    Raises
    ------
    ValueError, InsufficientLabels
        As in `calibration.planning.pilot_from_labels` and
        `calibration.planning.pilot_from_ratings`.
    """
    return Subject(
        name=f"{part.name} {part.system}",
        pilot=pilot_from_labels(part.judged, part.human)
        if part.counting.kind == "rate"
        else pilot_from_ratings(part.judged, part.human, scale=part.counting.ends),
        items=len(part.units),
        groups=_groups(part) if by_group else {},
    )


def _groups(part: Part) -> dict[str, tuple[int, float]]:
    """Count the items of each group, and foretell the spread of its labels.

    A group's own spread is drawn towards that of all, the more the fewer labels it has.
    """
    sizes = Counter(group if group is not None else "(none)" for group in part.groups)
    names = np.array([group if group is not None else "(none)" for group in part.groups])
    labelled = ~np.isnan(part.human)
    overall = float(part.human[labelled].var())
    found: dict[str, tuple[int, float]] = {}
    for name, size in sorted(sizes.items()):
        own = part.human[labelled & (names == name)]
        squares = float(((own - own.mean()) ** 2).sum()) if own.size else 0.0
        found[name] = size, ((squares + OWN_LABELS * overall) / (own.size + OWN_LABELS)) ** 0.5
    return found


def plan(subject: Subject, wanted: Wanted) -> LabelPlan:
    """Find the fewest labels that achieve what is wanted.

    Raises
    ------
    ValueError
        If nothing is wanted, or the margin of a rate reaches below 0.
    InsufficientLabels, UnusableJudge
        If labelling every item would not be enough, or the judge is below chance.
    """
    floor = wanted.floor
    if isinstance(subject.pilot, MeanPilot):
        return plan_mean_labels(
            subject.pilot,
            half_width=wanted.half_width,
            floor=floor,
            power=wanted.power,
            error=wanted.error,
            assurance=wanted.assurance,
            n_judged=subject.items,
            groups=subject.groups,
        )
    return plan_labels(
        subject.pilot,
        half_width=wanted.half_width,
        floor=floor,
        power=wanted.power,
        error=wanted.error,
        assurance=wanted.assurance,
        n_judged=subject.items,
        groups=subject.groups,
    )


def points(pilot: Pilot | MeanPilot, items: int) -> list[tuple[int, float]]:
    """Foretell half-widths: labels and what they give, fewest labels first, one entry each."""
    if isinstance(pilot, MeanPilot):
        estimates = ((n, pilot.expected(n, items)) for n in COUNTS if n <= items)
        return [(n, 0.5 * (each.high - each.low)) for n, each in estimates]
    found: dict[int, float] = {}
    for half_width in HALF_WIDTHS:
        try:
            made = plan_labels(pilot, half_width=half_width, n_judged=items)
        except (InsufficientLabels, UnusableJudge):
            break
        found[made.labels] = made.half_width
    return sorted(found.items())


def curve_of(part: Part, *, half_width: float) -> Curve:
    """Foretell the half-width for more and more labels, and how many reach the one wanted.

    Raises
    ------
    ValueError, InsufficientLabels
        As in `subject_of`.
    """
    subject = subject_of(part)
    try:
        needed = plan(subject, Wanted(half_width=half_width)).labels
    except (InsufficientLabels, UnusableJudge):
        needed = None
    return Curve(
        criterion=part.name,
        system=part.system,
        points=tuple(points(subject.pilot, subject.items)),
        now=int((~np.isnan(part.human)).sum()),
        wanted=half_width,
        needed=needed,
    )
