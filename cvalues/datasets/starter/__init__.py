"""The bundled starter set: prompts, two releases' responses, planted truth, simulated experts.

Everything in it was written or simulated for this project; nothing is CValues' own text and no
expert ever labelled it. 18 groups (10 safety scenarios and 8 responsibility domains), 6 situations
each, every situation in Chinese and in English, answered by `release-1` and `release-2`. The files
lie beside this module; `responses.jsonl` is in the format that `cvalues judge` reads.
"""

import csv
import io
import json
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from itertools import groupby
from pathlib import Path
from typing import Literal

from pydantic import Field

from cvalues.multiple_choice.items import ReplyPair
from judge.files.decoding import Place
from judge.files.read import Node
from judge.importers.chat import read_messages, short_form
from judge.records import Generation, Item, Language, Record

FileName = Literal[
    "prompts.jsonl",
    "responses.jsonl",
    "truth.jsonl",
    "labels.csv",
    "dialogues.jsonl",
    "dialogue_truth.jsonl",
    "manifest.json",
]


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


class DialogueTruth(Record):
    """What a perfect judge would say of one dialogue, known by how it was written."""

    id: str
    system: str
    lang: Language
    unsafe_turns: tuple[int, ...]
    """Indexes of the turns of the assistant that are unsafe; empty for a safe dialogue."""
    first_unsafe_turn: int | None
    sha256: tuple[str, ...]
    """Of the words of each turn (content, then each call's tool and arguments), in order."""
    turns: Mapping[str, Mapping[str, int]]
    """Criterion to score of turns that are unsafe or ask for it, by index; others are harmless."""
    scores: Mapping[str, int]
    """Criterion of the rubric conversation-safety to the score of the whole dialogue."""

    @property
    def turn_scores(self) -> Mapping[str, Mapping[str, int]]:
        """Scores of turns by the digest of their words, as a simulated judge is given them."""
        return {self.sha256[int(turn)]: scores for turn, scores in self.turns.items()}


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


def starter_file(name: FileName) -> Traversable:
    """Return a file of the starter set, to read or to copy; it need not be on a disk."""
    return resources.files(__name__).joinpath(name)


def load_prompts(lang: Language | None = None) -> tuple[StarterPrompt, ...]:
    """Return the prompts of one language, or of both, in the order of `cvalues.taxonomy.GROUPS`."""
    prompts = (StarterPrompt.model_validate_json(line) for line in _lines("prompts.jsonl"))
    return tuple(prompt for prompt in prompts if lang in {None, prompt.lang})


def prompt_items() -> tuple[Item, ...]:
    """Return the prompts as they are put to a model under test."""
    return tuple(
        Item(
            id=each.id,
            prompt=each.prompt,
            group=each.group,
            lang=each.lang,
            extra={"situation": each.situation},
        )
        for each in load_prompts()
    )


def load_responses(
    lang: Language | None = None, system: str | None = None
) -> tuple[Generation, ...]:
    """Return the responses, by prompt and within a prompt by release.

    Parameters
    ----------
    lang
        Keep one language; both when None.
    system
        Keep one release, ``release-1`` or ``release-2``; both when None.

    Returns
    -------
    tuple of Generation
        The extra field ``situation`` names the cluster of items that share a situation.
    """
    generations = (_generation(line) for line in _lines("responses.jsonl"))
    return tuple(g for g in generations if lang in {None, g.lang} and system in {None, g.system})


def load_truth() -> tuple[PlantedTruth, ...]:
    """Return the planted truth, one record for each response and in the same order."""
    return tuple(PlantedTruth.model_validate_json(line) for line in _lines("truth.jsonl"))


def load_dialogues(
    lang: Language | None = None, system: str | None = None
) -> tuple[Generation, ...]:
    """Return the 36 dialogues of both releases, which begin alike and part at some turn.

    Twelve situations are talks and six are traces of an agent with tools, each in Chinese and in
    English. Some turn unsafe, at a turn that `load_dialogue_truth` names; what is unsafe in them is
    harmless in detail, since its details were never written.
    """
    found = (_dialogue(line) for line in _lines("dialogues.jsonl"))
    return tuple(g for g in found if lang in {None, g.lang} and system in {None, g.system})


def load_dialogue_truth() -> tuple[DialogueTruth, ...]:
    """Return what is known of the dialogues, one record for each and in the same order."""
    lines = _lines("dialogue_truth.jsonl")
    return tuple(DialogueTruth.model_validate_json(line) for line in lines)


def _dialogue(line: str) -> Generation:
    row = json.loads(line)
    extra = {name: row.pop(name) for name in ("situation", "provenance")}
    turns = read_messages(Node(row.pop("messages"), "messages", Place(Path("dialogues.jsonl"))))
    prompt, response = short_form(turns)
    return Generation(**row, prompt=prompt, response=response, messages=turns, extra=extra)


def load_labels() -> tuple[StarterLabel, ...]:
    """Return the labels of the simulated experts; `manifest.json` says how they were drawn."""
    rows = csv.DictReader(io.StringIO(_text("labels.csv")))
    return tuple(StarterLabel.model_validate_strings(row) for row in rows)


def choice_pairs(lang: Language | None = None) -> tuple[ChoicePair, ...]:
    """Return a (better, worse) pair for each prompt that has one.

    The two releases make the pair where their planted tiers differ; otherwise the better release
    stands against the prompt's written negative, and a prompt without one is left out.
    """
    truth = {(t.id, t.system): t for t in load_truth()}
    answers = groupby(load_responses(lang), key=lambda generation: generation.id)
    pairs = (
        _pair(prompt, [(truth[g.id, g.system], g.response) for g in generations])
        for prompt, (_, generations) in zip(load_prompts(lang), answers, strict=True)
    )
    return tuple(pair for pair in pairs if pair is not None)


def _pair(prompt: StarterPrompt, answers: list[tuple[PlantedTruth, str]]) -> ChoicePair | None:
    """Pair the best of the answers with a worse one, where there is a worse one."""
    (worse, worse_text), (better, better_text) = sorted(answers, key=lambda a: _quality(a[0]))
    tie = worse.scores["tier"] == better.scores["tier"]
    if tie and prompt.negative is None:
        return None
    bare_refusal = not tie and worse.scores["tier"] == 1
    return ChoicePair(
        **prompt.model_dump(exclude={"negative", "harmless"}),
        pos_resp=better_text,
        neg_resp=prompt.negative if tie and prompt.negative else worse_text,
        difficulty_level="hard" if bare_refusal else "easy",
    )


def _quality(truth: PlantedTruth) -> tuple[int, int]:
    return truth.scores["tier"], truth.scores["overall"]


def _generation(line: str) -> Generation:
    row = json.loads(line)
    situation = row.pop("situation")
    return Generation(**row, extra={"situation": situation})


def _lines(name: FileName) -> list[str]:
    return _text(name).splitlines()


def _text(name: FileName) -> str:
    return starter_file(name).read_text(encoding="utf-8")
