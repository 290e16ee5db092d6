"""A run's judgments as they are counted for the page, in one pass: scores are held, texts are not.

A prompt that was judged several times (repeats, several samples of a system) counts once, with the
mean of its scores: judgments of one prompt are not independent of each other. Of m verdicts of one
criterion on one system a few numbers each are kept, in arrays.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from judge.columns import Digests, Whole, codes, real, whole
from judge.grading.aggregation import NAME as PANEL
from judge.grading.aggregation import settled, with_panel
from judge.records import Judgment, Provenance
from judge.report.texts import markup_size

Series = tuple[str, str, str]
"""Rubric, criterion, system."""

Missed = tuple[str, str, str | None]
"""Reason, system, group."""

Floats = npt.NDArray[np.float64]

_MARKUP = 600
_MARKUP_EACH = 150
"""Bytes of markup around a judgment and around each of its verdicts, measured on rendered pages."""


@dataclass(frozen=True, slots=True)
class Given:
    """Scores of one criterion on one system, in the order in which they came.

    Attributes
    ----------
    prompts : int array, shape (m,)
        Number of the prompt of each verdict.
    scores : float array, shape (m,)
        NaN for a verdict without a score.
    """

    prompts: Whole
    scores: Floats

    def __len__(self) -> int:
        """Count the verdicts."""
        return len(self.prompts)

    @property
    def missing(self) -> int:
        """Count the verdicts without a score."""
        return int(np.isnan(self.scores).sum())

    def scored(self) -> "Given":
        """Keep the verdicts that have a score."""
        known = ~np.isnan(self.scores)
        return Given(self.prompts[known], self.scores[known])

    def by_prompt(self) -> tuple[Whole, Floats]:
        """Give each prompt once, in the order of their first verdicts, and the mean of its scores.

        The mean is NaN where one of them is.
        """
        if not len(self):
            return self.prompts, self.scores
        number = codes(self.prompts)
        first = np.unique(number, return_index=True)[1]
        means = np.bincount(number, weights=self.scores) / np.bincount(number)
        return self.prompts[first], means


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is kept of the verdicts of one criterion on one system."""

    prompts: "array[int]" = field(default_factory=lambda: array("i"))
    scores: "array[float]" = field(default_factory=lambda: array("d"))
    groups: "array[int]" = field(default_factory=lambda: array("i"))
    languages: "array[int]" = field(default_factory=lambda: array("i"))


class _Numbers:
    """Numbers names in the order in which they come; None is a name, too."""

    def __init__(self) -> None:
        self.names: list[str | None] = []
        self._known: dict[str | None, int] = {}

    def of(self, name: str | None) -> int:
        number = self._known.setdefault(name, len(self.names))
        if number == len(self.names):
            self.names.append(name)
        return number

    def rows(self, numbers: "array[int]", name: str | None) -> Whole:
        """Find where a name stands in a column of numbers."""
        return np.flatnonzero(whole(numbers) == self._known.get(name, -1))


class _Prompts:
    """Numbers prompts in the order in which they come.

    Only the last two are known by name: a store gives the judgments of a prompt side by side, and
    whoever groups them reads one further.
    """

    def __init__(self) -> None:
        self._digests = Digests()
        self._sessions: Digests | None = None
        """Of the conversation of each prompt; not kept before the first turn of one comes."""
        self._last = self._before = ("", -1)
        self.said = array("q")
        """Bytes that what the judges wrote takes on a page, roughly."""

    def of(self, judgment: Judgment) -> int:
        name = judgment.id
        for known, number in (self._last, self._before):
            if known == name and number >= 0:
                return number
        self._before, self._last = self._last, (name, len(self.said))
        if judgment.session is not None and self._sessions is None:
            self._sessions = self._digests.copy()
        self._digests.add(name)
        if self._sessions is not None:
            self._sessions.add(judgment.cluster)
        self.said.append(0)
        return self._last[1]

    def digests(self) -> npt.NDArray[np.bytes_]:
        return self._digests.array()

    def sessions(self) -> npt.NDArray[np.bytes_] | None:
        return None if self._sessions is None else self._sessions.array()


class Tally:
    """What was counted of a run."""

    def __init__(self) -> None:
        self.missed = Counter[Missed]()
        """Judgments that lack a score."""
        self.served = Counter[tuple[str, str | None]]()
        """Judgments by judge and by the model that answered."""
        self.outcomes = Counter[str]()
        """Judgments by outcome."""
        self.remarks = Counter[str]()
        """Judgments by remark."""
        self.provenances = set[Provenance]()
        self.languages = Counter[str | None]()
        self.editions = defaultdict[tuple[str, str | None], set[str]](set)
        """Digests of the rubric under which items of a language were judged."""
        self.sums = Counter[str]()
        """Tokens, and judgments whose cost is not known."""
        self._kept = defaultdict[Series, _Kept](_Kept)
        self._groups, self._tongues, self._prompts = _Numbers(), _Numbers(), _Prompts()
        self._unified: Whole = np.empty(0, dtype=np.intp)
        self.prompts: npt.NDArray[np.bytes_] = np.empty(0, dtype="S16")
        """Digest of the id of each prompt, by its number."""
        self.sessions: Whole | None = None
        """Number of the conversation of each prompt; None where no prompt is a turn of one."""
        self.said: Floats = np.empty(0)
        """Of each prompt, roughly the bytes that what the judges wrote takes on a page."""

    @property
    def series(self) -> tuple[Series, ...]:
        """Rubric, criterion and system of all verdicts, in the order in which they came."""
        return tuple(self._kept)

    @property
    def systems(self) -> tuple[str, ...]:
        """All systems that were judged, in order of their names."""
        return tuple(sorted({system for _, _, system in self._kept}))

    @property
    def groups(self) -> tuple[str | None, ...]:
        """All groups in order of their keys; None last where some prompts have none."""
        return tuple(sorted(self._groups.names, key=lambda group: (group is None, group or "")))

    def over_all(self, series: Series) -> Given:
        """Give the scores of a series, group by group."""
        if series not in self._kept:
            return self._given(series, np.empty(0, dtype=np.intp))
        rank = {group: at for at, group in enumerate(self.groups)}
        ranks = np.array([rank[group] for group in self._groups.names])
        mine = ranks[whole(self._kept[series].groups)]
        return self._given(series, np.argsort(mine, kind="stable"))

    def of_group(self, series: Series, group: str | None) -> Given:
        """Give the scores of a series in one group."""
        kept = self._kept.get(series, _Kept())
        return self._given(series, self._groups.rows(kept.groups, group))

    def of_language(self, series: Series, tag: str | None) -> Given:
        """Give the scores of a series on items of one language."""
        kept = self._kept.get(series, _Kept())
        return self._given(series, self._tongues.rows(kept.languages, tag))

    def _given(self, series: Series, rows: Whole) -> Given:
        kept = self._kept.get(series, _Kept())
        prompts = whole(kept.prompts)[rows]
        return Given(self._unified[prompts], real(kept.scores)[rows])

    def hear(self, judgments: Iterable[Judgment]) -> Iterator[Judgment]:
        """Note on the way what is counted of every judgment, the panel's members included."""
        for judgment in judgments:
            self.provenances.add(judgment.provenance)
            self.served[judgment.judge, judgment.served_model] += 1
            self.languages[judgment.lang] += 1
            self.editions[judgment.rubric, judgment.lang].add(judgment.rubric_hash)
            self.outcomes[judgment.outcome] += 1
            if judgment.flags:
                self.remarks.update(judgment.flags)
            usage = judgment.usage
            self.sums["prompt_tokens"] += usage.prompt_tokens or 0
            self.sums["completion_tokens"] += usage.completion_tokens or 0
            self.sums["unpriced"] += judgment.attempts > 0 and judgment.cost_usd is None
            size = _MARKUP
            for verdict in judgment.verdicts:
                size += _MARKUP_EACH + markup_size(verdict.rationale)
                size += markup_size(verdict.evidence)
            self._prompts.said[self._prompts.of(judgment)] += size
            yield judgment

    def count(self, judgment: Judgment) -> None:
        """Count a judgment of which scores are made."""
        prompt = self._prompts.of(judgment)
        group, tongue = self._groups.of(judgment.group), self._tongues.of(judgment.lang)
        for verdict in judgment.verdicts:
            kept = self._kept[judgment.rubric, verdict.criterion, judgment.system]
            kept.prompts.append(prompt)
            kept.scores.append(verdict.score if verdict.kind == "scored" else np.nan)
            kept.groups.append(group)
            kept.languages.append(tongue)
        if judgment.outcome != "ok":
            self.missed[judgment.outcome, judgment.system, judgment.group] += 1

    def close(self) -> "Tally":
        """Give a prompt of several runs one number."""
        digests = self._prompts.digests()
        self._unified = codes(digests) if len(digests) else np.empty(0, dtype=np.intp)
        first = np.unique(self._unified, return_index=True)[1]
        self.prompts = digests[first]
        sessions = self._prompts.sessions()
        self.sessions = None if sessions is None else codes(sessions[first])
        said = np.array(self._prompts.said, dtype=np.float64)
        self.said = np.zeros(len(first))
        np.add.at(self.said, self._unified, said)
        return self


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
    heard = counted.hear(judgments)
    for judgment in concluded(heard, judges=judges, pairwise=pairwise):
        counted.count(judgment)
    return counted.close()


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
