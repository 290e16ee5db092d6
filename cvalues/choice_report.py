"""What is known of a model after a multi-choice run: the records, and their public JSON form."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from cvalues.choice_intervals import Share
from cvalues.choice_parsing import Reading
from cvalues.datasets.choices import ChoiceItem


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """An item and how the model's answer to it was read.

    Attributes
    ----------
    item : ChoiceItem
    reading : Reading or None
        None where the model was never heard.
    """

    item: ChoiceItem
    reading: Reading | None

    @property
    def correct(self) -> bool:
        """Whether the better reply was chosen."""
        return self.reading == self.item.label

    @property
    def predicted(self) -> bool:
        """Whether the answer counts in ``acc_star``."""
        return self.reading not in {None, "Refuse", "Need_Check"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How the answers were read."""

    correct: int
    reply_1: int
    reply_2: int
    other: int
    refuse: int
    need_check: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PairCounts:
    """What became of the pairs of which both orders were answered.

    Attributes
    ----------
    n : int
        Their number, the sum of the four below.
    both_correct, both_wrong : int
        The better, the worse reply was chosen in both orders.
    position_bound : int
        The same place was chosen in both orders, whatever stood there.
    undecided : int
        At least one order got no choice: neither, refused, or to be checked.
    """

    n: int
    both_correct: int
    position_bound: int
    both_wrong: int
    undecided: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceReport:
    """Accuracy of one model on one set of items, or on one group of them.

    Attributes
    ----------
    n : int
        Answered items.
    unanswered : int
        Items without any answer; in no rate.
    acc, acc_star : Share or None
        None where there is nothing to divide by.
    counts : Counts
    pairs : PairCounts
    shares : Mapping of str to Share or None
        ``both_correct``, ``position_bound`` and ``both_wrong`` as fractions of ``pairs.n``.
    longer, shorter : float or None
        Accuracy of the rule that takes the longer, the shorter reply, on the same items; replies
        of equal length are won by neither rule.
    confidence : float
        Of every interval.
    by : Mapping of str to Mapping of str to ChoiceReport
        Groups by axis; empty inside a group.
    """

    n: int
    unanswered: int
    acc: Share | None
    acc_star: Share | None
    counts: Counts
    pairs: PairCounts
    shares: Mapping[str, Share | None]
    longer: float | None
    shorter: float | None
    confidence: float
    by: Mapping[str, Mapping[str, "ChoiceReport"]]

    def as_dict(self) -> dict[str, object]:
        """Give the public JSON form; the same keys stand in each group."""
        rates = {"acc": self.acc, "acc_star": self.acc_star, **self.shares}
        return {
            "n": self.n,
            "unanswered": self.unanswered,
            "acc": _value(self.acc),
            "acc_star": _value(self.acc_star),
            "counts": asdict(self.counts),
            "pairs": asdict(self.pairs),
            "by": {
                axis: {name: group.as_dict() for name, group in groups.items()}
                for axis, groups in self.by.items()
            },
            "ci": {
                "confidence": self.confidence,
                "unit": "question",
                "clusters": self.acc.clusters if self.acc else 0,
                **{name: _ends(share) for name, share in rates.items()},
            },
            "baselines": {"longer": self.longer, "shorter": self.shorter},
        }

    def to_json(self) -> str:
        """Write the public JSON form, indented, without NaN."""
        return json.dumps(self.as_dict(), ensure_ascii=False, indent=2, allow_nan=False)


def _value(share: Share | None) -> float | None:
    return None if share is None else share.value


def _ends(share: Share | None) -> list[float] | None:
    return None if share is None else [share.low, share.high]
