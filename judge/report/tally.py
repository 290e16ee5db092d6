"""Count a run's judgments for the page, streamed: scores are held, texts are not.

A prompt that was judged several times (repeats, several samples of a system) counts once, with
the mean of its scores: judgments of one prompt are not independent of each other.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from judge.pairwise import settled
from judge.panel import NAME as PANEL
from judge.panel import with_panel
from judge.records import Judgment, Language, Provenance
from judge.report.quoting import markup_size

Place = tuple[str, str, str, str | None]
"""Rubric, criterion, system, group."""

Given = dict[str, list[int | None]]
"""By prompt, the scores of all its verdicts; None for a verdict without one."""

Missed = tuple[str, str, str | None]
"""Reason, system, group."""

_MARKUP = 600
_MARKUP_EACH = 150
"""Bytes of markup around a judgment and around each of its verdicts, measured on rendered pages."""


@dataclass(frozen=True)
class Tally:
    """What was counted so far; its containers are filled while a run streams by."""

    given: defaultdict[Place, Given] = field(
        default_factory=lambda: defaultdict[Place, Given](dict)
    )
    missed: Counter[Missed] = field(default_factory=Counter[Missed])
    """Judgments that lack a score."""
    served: Counter[tuple[str, str | None]] = field(default_factory=Counter[tuple[str, str | None]])
    """Judgments by judge and by the model that answered."""
    outcomes: Counter[str] = field(default_factory=Counter[str])
    """Judgments by outcome."""
    provenances: set[Provenance] = field(default_factory=set[Provenance])
    languages: Counter[Language | None] = field(default_factory=Counter[Language | None])
    sums: Counter[str] = field(default_factory=Counter[str])
    """Tokens, and judgments whose cost is not known."""
    said: Counter[str] = field(default_factory=Counter[str])
    """By prompt, roughly the bytes that what the judges wrote takes on a page."""

    @property
    def systems(self) -> tuple[str, ...]:
        """All systems that were judged, in order of their names."""
        return tuple(sorted({system for _, _, system, _ in self.given}))

    @property
    def groups(self) -> tuple[str | None, ...]:
        """All groups in order of their keys; None last where some prompts have none."""
        found = {group for _, _, _, group in self.given}
        return tuple(sorted(found, key=lambda group: (group is None, group or "")))

    def over_all(self, rubric: str, criterion: str, system: str) -> Given:
        """Give the scores of a criterion over all groups."""
        merged: Given = {}
        for group in self.groups:
            for prompt, scores in self.given.get((rubric, criterion, system, group), {}).items():
                merged.setdefault(prompt, []).extend(scores)
        return merged


def tally(judgments: Iterable[Judgment], *, judges: int, pairwise: bool) -> Tally:
    """Count judgments.

    Parameters
    ----------
    judgments : iterable of Judgment
        In the order of a store: those of one unit next to each other.
    judges : int
        How many judges the run has; the scores are the panel's where there are several.
    pairwise : bool
        Whether both orders of a pair are settled into one preference.
    """
    counted = Tally()
    for judgment in concluded(_heard(judgments, counted), judges=judges, pairwise=pairwise):
        for verdict in judgment.verdicts:
            place = (judgment.rubric, verdict.criterion, judgment.system, judgment.group)
            score = verdict.score if verdict.kind == "scored" else None
            counted.given[place].setdefault(judgment.id, []).append(score)
        if judgment.outcome != "ok":
            counted.missed[judgment.outcome, judgment.system, judgment.group] += 1
    return counted


def concluded(judgments: Iterable[Judgment], *, judges: int, pairwise: bool) -> Iterator[Judgment]:
    """Give the judgments that scores are made of: the panel's, and a pair's once for both orders.

    Parameters
    ----------
    judgments, judges, pairwise
        As in :func:`tally`.
    """
    heard = (
        judgment
        for judgment in with_panel(judgments, judges)
        if judges < 2 or judgment.judge == PANEL
    )
    return settled(heard) if pairwise else heard


def _heard(judgments: Iterable[Judgment], counted: Tally) -> Iterator[Judgment]:
    """Note on the way what is counted of every judgment, the panel's members included."""
    for judgment in judgments:
        counted.provenances.add(judgment.provenance)
        counted.served[judgment.judge, judgment.served_model] += 1
        counted.languages[judgment.lang] += 1
        counted.outcomes[judgment.outcome] += 1
        counted.sums["prompt_tokens"] += judgment.usage.prompt_tokens or 0
        counted.sums["completion_tokens"] += judgment.usage.completion_tokens or 0
        counted.sums["unpriced"] += judgment.attempts > 0 and judgment.cost_usd is None
        counted.said[judgment.id] += _MARKUP + sum(
            _MARKUP_EACH + markup_size(verdict.rationale) + markup_size(verdict.evidence)
            for verdict in judgment.verdicts
        )
        yield judgment
