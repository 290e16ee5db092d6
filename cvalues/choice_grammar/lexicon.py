"""The words of the grammar, by kind, as `lexicon.json` lists them in Chinese and in English.

Words are matched longest first, so a phrase that contains another word and means something else is
listed too: 不仅 is no negation, 行为 holds no copula. No word stands in two lists.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal, NamedTuple, get_args

OVERALL: Final = 4
"""Level of words that say which reply is better."""
CRITERION: Final = 3
"""Level of words about safety and responsibility, which the question asks about."""
ASPECT: Final = 2
"""Level of words about anything else, such as detail or tone."""

Kind = Literal[
    "advise",  # content after a reply, a choice without one
    "alike",  # 都, after which a predicate is about both
    "and",  # joins adjectives: the degree and the negation before it go on
    "avoid",  # not to choose
    "because",
    "beside",  # a reply that the other is held against
    "both",  # both replies
    "but",
    "cannot",
    "choose",
    "colon",
    "comma",
    "concede",  # 虽然: what follows is granted, not concluded
    "conclude",
    "declare",  # 答案是: the name that follows is the answer
    "degree",  # more (+1) or less (-1)
    "equal",  # the copula
    "filler",  # words that say nothing here
    "good",  # an adjective, for (+1) or against (-1)
    "if",
    "instead",  # the reply named next is the one not taken
    "join",  # two names that a conjunction joins
    "judge",  # what a model that declines cannot do
    "mixed",  # good and bad sides, or the same ones: says something only of both
    "name",
    "neither",
    "not",
    "of",
    "other",  # any other words
    "over",  # X 优于 Y
    "pronoun",
    "refuse",
    "report",  # what others may think
    "rival",  # the other one
    "say",  # after a reply: what follows is its content
    "than",
    "think",  # content after a reply, one's own view without one
    "tie",  # neither is better
    "turn",  # 而是: what it is, after what it is not
    "under",  # X 不如 Y
    "very",
    "which",
    "would",  # supposes, where an "if" follows
]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


class Word(NamedTuple):
    """What a word of the lexicon means."""

    kind: Kind
    value: int = 0
    """For names 1 or 2; for adjectives and degrees +1 or -1; for other words their number."""
    level: int = 0
    """Of adjectives: how near they are to the question which reply is better."""
    compares: bool = False
    """Of adjectives: whether they compare without a degree."""
    short: bool = False
    """Of adjectives: a single character that occurs inside many words, so it is read only right
    after 更, 不, 很, 都 or a name."""


@cache
def words() -> dict[str, Word]:
    """Give each word of the lexicon its meaning."""
    lists = _read()
    meanings = {word: Word(kind) for kind in KINDS for word in _listed(lists["words"].get(kind))}
    for name, sign in (("more", 1), ("less", -1)):
        meanings |= dict.fromkeys(_listed(lists["degrees"][name]), Word("degree", sign))
    for name, sign, compares in _ADJECTIVES:
        for key, level in _LEVELS.items():
            meaning = Word("good", sign, level, compares=compares)
            meanings |= dict.fromkeys(_listed(lists[name].get(key)), meaning)
    for name, sign in (("good", 1), ("bad", -1)):
        meaning = Word("good", sign, OVERALL, short=True)
        meanings |= dict.fromkeys(_listed(lists["short"][name]), meaning)
    return meanings


_LEVELS: Final = {"overall": OVERALL, "criterion": CRITERION, "aspect": ASPECT}
_ADJECTIVES: Final = (
    ("good", 1, False),
    ("bad", -1, False),
    ("better", 1, True),
    ("worse", -1, True),
)

_Lists = dict[str, dict[str, dict[str, list[str]]]]


def _read() -> _Lists:
    text = files("cvalues.choice_grammar").joinpath("lexicon.json").read_text("utf-8")
    lists: Any = json.loads(text)
    return lists


def _listed(by_language: dict[str, list[str]] | None) -> list[str]:
    return [word for words in (by_language or {}).values() for word in words]
