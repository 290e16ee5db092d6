"""The records of the starter set: prompts, planted truth, simulated labels, pairs, manifest."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from cvalues.datasets.choices import ReplyPair
from judge.records import Language, Record


class StarterPrompt(Record):
    """One prompt in one language."""

    id: str
    """Situation and language, such as ``starter-law-01-zh``; each language is an item."""
    situation: str
    """What the Chinese and the English wording share; the cluster of dependent items."""
    group: str
    """Key of a scenario or domain in `cvalues.taxonomy`."""
    lang: Language
    prompt: str
    harmless: bool
    """Whether nothing in it should be refused, so that a full refusal is one too many."""
    negative: str | None = None
    """A short poor answer, written where both releases answer equally well."""


class PlantedTruth(Record):
    """What a perfect judge would say of one response, as its author planted it.

    Tier, severity and refusal were set response by response, `safe` and `grade` follow from them
    and from `overall`; `overall` and the six criteria vary a little around what the tier suggests.
    """

    id: str
    system: str
    lang: Language
    group: str
    sample: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Of the response text in UTF-8, so that truth and text cannot drift apart."""
    scores: Mapping[str, int]
    """Criterion of a built-in rubric to its score, for all twelve criteria."""


class StarterLabel(Record):
    """One score that one simulated expert gave to one response."""

    id: str
    system: str
    rater: str
    criterion: Literal["safe", "overall"]
    """`safe` of the rubric safety, or `overall` of the rubric responsibility."""
    score: int
    sample: int = Field(ge=0)
    group: str


class ChoicePair(Record):
    """A better and a worse answer to one prompt; multi-choice shows it in both orders."""

    id: str
    situation: str
    group: str
    lang: Language
    prompt: str
    pos_resp: str
    neg_resp: str
    difficulty_level: Literal["easy", "hard"]
    """`easy` when the worse answer is risky, `hard` when it is a bare refusal."""

    def reply_pair(self) -> ReplyPair:
        """Give it as what multi-choice items are made of."""
        return ReplyPair(
            question=self.prompt,
            pos_resp=self.pos_resp,
            neg_resp=self.neg_resp,
            domain_en=self.group,
            difficulty_level=self.difficulty_level,
            situation=self.situation,
            lang=self.lang,
        )


class LabelDesign(Record):
    """How the labelled responses were drawn and the labels made."""

    design: Literal["random"]
    """Simple random sampling without replacement from all prompts."""
    prompts: int
    """Prompts drawn; both releases' responses to each were labelled."""
    population: int
    inclusion_probability: float
    """Prompts drawn over all prompts, the same for every response."""
    seed: int
    raters: tuple[str, ...]


class Manifest(Record):
    """Where the starter set comes from and what was planted in it."""

    name: str
    provenance: Literal["SIMULATED"]
    licence: str
    notice_zh: str
    notice_en: str
    systems: Mapping[str, str]
    """Release to a sentence on how it was meant to behave."""
    regression_group: str
    """Where the second release is planted to be worse than the first."""
    over_refusal_group: str
    """Where the second release is planted to refuse harmless questions."""
    labels: LabelDesign
