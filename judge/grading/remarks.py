"""What speaks against a judge: remarks on its judgments, and known answers that it misses.

A remark says how a verdict came about or what was noticed on the way; it never changes a score.
Two are found here: a prompt that the server cut, and a verdict of another model than most. Texts
with known verdicts are judged beside a run and never counted in it.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from judge.records import Generation, Judgment, Record, Usage, replaced

if TYPE_CHECKING:
    from judge.store.records import Run
    from judge.store.store import Store

CACHED = "cached"
"""Taken over from another run."""

NEUTRAL = "neutral_frame"
"""Asked again in the neutral frame, after the judge had declined."""

SECOND = "second_judge"
"""Made by the second judge, after the first had declined."""

ESCALATED = "escalated"
"""Made by a cascade's second judge, because the first was uncertain."""

FLAG = "injection_suspected"
"""The judged text speaks to the judge; after a colon follows the rule that noticed it."""

RULE = "planted_verdict"
"""The rule of `FLAG` for a verdict that stands in the judged text."""

ECHO = "reply_in_material"
"""The rule of `FLAG` for a judge's reply that stands word for word in the judged text."""

PROMPT_CUT = "prompt_cut"
"""The server did not take the prompt whole."""

OTHER_MODEL = "other_model"
"""Another model answered than for most judgments of the same judge."""

HEEDED = frozenset({FLAG, PROMPT_CUT, OTHER_MODEL})
"""Remarks with which no verdict passes a gate before an expert has looked."""

HEEDED_WORDS = "addressed to the judge, prompt cut, or another model"
"""How a reason names the remarks of `HEEDED`."""


def is_heeded(judgment: "Judgment") -> bool:
    """Tell whether a gate lets a verdict count only beside an expert's label."""
    return not HEEDED.isdisjoint(judgment.flags)


# Whether a server cut the prompt: its count of tokens against the least that the texts can have.

SHARE_OF_UNCUT = 0.8
"""Part of the least number of tokens below which a prompt counts as cut."""

FEWEST_COUNTED = 16
"""Counts below this are no counts; some servers send 0 or 1 where they do not count."""

SHORTEST_CONTEXT = 1000
"""Tokens below which a count is held against the material alone: some servers leave out of their
count what they had in their cache, which is the instructions, and none has so short a context."""

CHARACTERS_A_TOKEN = 3.0
"""Characters that one token may hold on average in scripts without blanks: vocabularies of 2023 to
2026 hold 1.0 to 1.8 of Chinese and Japanese, and less of Thai, Lao, Khmer and Burmese."""

_WITHOUT_BLANKS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
)


def least_tokens(text: str) -> float:
    """Count the fewest tokens that any common vocabulary needs for a text.

    None joins words over a blank, so each word is a token at least; marks and blanks count for
    nothing.

    Parameters
    ----------
    text : str

    Returns
    -------
    float
        Tokens; linear in the length to compute.

    Examples
    --------
    >>> least_tokens("one two, three"), least_tokens("一二三四五六")
    (3.0, 2.0)
    """
    if text.isascii():
        return float(len(text.split()))
    words, joined = _WITHOUT_BLANKS.subn(" ", text)
    return len(words.split()) + joined / CHARACTERS_A_TOKEN


@lru_cache(maxsize=64)
def _least_of_instructions(text: str) -> float:
    return least_tokens(text)


def was_cut(instructions: str, material: str, usage: Usage) -> bool:
    """Tell whether a server counted fewer tokens than a prompt has.

    Parameters
    ----------
    instructions : str
        The trusted text, the same for many calls.
    material : str
        What was judged.
    usage : Usage
        As the server counted. Some count what they had in their cache apart.
    """
    counted = (usage.prompt_tokens or 0) + (usage.cached_tokens or 0)
    if counted < FEWEST_COUNTED:
        return False
    others = _least_of_instructions(instructions) if counted >= SHORTEST_CONTEXT else 0.0
    if counted >= SHARE_OF_UNCUT * (len(material) + others):
        # No text has more tokens than characters, so what it has need not be counted.
        return False
    return counted < SHARE_OF_UNCUT * (least_tokens(material) + others)


# Which models answered under the name of a judge, and which verdicts came from another than most.

Asked = tuple[str, str]
"""A judge, and the step of its ladder on which another model is asked; empty for the first."""


def usual_models(served: Mapping[tuple[Asked, str], int]) -> dict[Asked, str]:
    """Give the model that answered most often, for each that was asked.

    Parameters
    ----------
    served : mapping of (Asked, str) to int
        Judgments by who was asked and who answered.
    """
    counts = defaultdict[Asked, Counter[str]](Counter)
    for (asked, model), count in served.items():
        counts[asked][model] += count
    # Of two with the same count the first by name, so that the same run gives the same remarks.
    return {asked: min(by, key=lambda name: (-by[name], name)) for asked, by in counts.items()}


def asked_of(judge: str, flags: Collection[str]) -> Asked:
    """Say who was asked for a judgment."""
    return judge, next((flag for flag in (SECOND, ESCALATED) if flag in flags), "")


def marked(store: "Store", run: "Run", *, system: str | None = None) -> Iterator[Judgment]:
    """Stream a run's judgments, those of another model than most with the remark `OTHER_MODEL`.

    Parameters
    ----------
    store : Store
    run : Run
    system : str, optional
        Give those of one system alone; what most answered is counted over all.
    """
    return map(marker(store, run), store.judgments(run, system=system))


def marker(store: "Store", run: "Run") -> "Callable[[Judgment], Judgment]":
    """Say how to add the remark `OTHER_MODEL` to a run's judgments of another model than most."""
    from judge.store.run_contents import count_served

    served = Counter[tuple[Asked, str]]()
    for judge, model, flags, count in count_served(store, run):
        served[asked_of(judge, flags), model] += count
    usual = usual_models(served)
    if len(served) == len(usual):
        return lambda judgment: judgment

    def mark(judgment: "Judgment") -> "Judgment":
        expected = usual.get(asked_of(judgment.judge, judgment.flags))
        if judgment.served_model in {None, expected}:
            return judgment
        return replaced(judgment, flags=(*judgment.flags, OTHER_MODEL))

    return mark


# Texts of our own with known verdicts, to notice when a judge has gone astray.

CANARY_SOURCE = "canaries"
"""Name of the source of the run in which they are judged."""

CANARY_ALARM = 0.9
"""Agreement below which a judge is not what it should be."""


class Canary(Record):
    """A response whose levels are known."""

    generation: Generation
    levels: Mapping[str, int]
    """Criterion to level."""


class Known(Record):
    """How a judge did on responses whose levels are known."""

    asked: int
    """Verdicts that were wanted."""
    agreed: int
    missing: int
    """Verdicts that the judge did not give; they count as not agreed."""
    wrong: tuple[str, ...]
    """Names of the responses that it judged otherwise, in order."""

    @property
    def agreement(self) -> float | None:
        """Share of all that were asked; None when nothing was."""
        return self.agreed / self.asked if self.asked else None

    @property
    def alarm(self) -> str | None:
        """What speaks against the judge, in a clause; None where nothing does."""
        if self.agreement is not None and self.agreement >= CANARY_ALARM:
            return None
        return (
            f"the judge agrees with {self.agreed} of {self.asked} known-answer checks "
            f"({self.missing} missing)"
        )


def canary_run(run: str) -> str:
    """Name the run in which the canaries beside a run are judged."""
    return f"{run}.canaries"


@cache
def canaries() -> tuple[Canary, ...]:
    """Read the canaries, once."""
    text = files("judge.grading").joinpath("canaries.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()]
    return tuple(
        Canary(
            generation=Generation(system="canary", **{k: row[k] for k in _FIELDS}),
            levels=row["levels"],
        )
        for row in rows
    )


_FIELDS = ("id", "lang", "prompt", "response")


def compare(judgments: Iterable[Judgment]) -> Known:
    """Hold judgments of canaries against what is known of them.

    Parameters
    ----------
    judgments : iterable of Judgment
        Under any rubrics; only criteria whose levels are known count.
    """
    known = {canary.generation.id: canary.levels for canary in canaries()}
    asked = agreed = missing = 0
    wrong: dict[str, None] = {}
    for judgment in judgments:
        for verdict in judgment.verdicts:
            level = known[judgment.id].get(verdict.criterion)
            if level is None:
                continue
            asked += 1
            if verdict.kind == "unscored":
                missing += 1
            elif verdict.score == level:
                agreed += 1
            else:
                wrong[judgment.id] = None
    return Known(asked=asked, agreed=agreed, missing=missing, wrong=tuple(wrong))
