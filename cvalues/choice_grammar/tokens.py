"""Cut a cleaned text into sentences of tokens."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final, NamedTuple

from cvalues.choice_grammar import names
from cvalues.choice_grammar.lexicon import Word, words

Token = Word
"""A word of the lexicon, a mark of `names`, or a stretch of other words."""


class Sentence(NamedTuple):
    """The tokens of one sentence, and whether it asks."""

    tokens: tuple[Token, ...]
    asks: bool


_MARKS: Final[dict[str, Token]] = {
    names.FIRST: Token("name", 1),
    names.SECOND: Token("name", 2),
    names.BESIDE_FIRST: Token("beside", 1),
    names.BESIDE_SECOND: Token("beside", 2),
    names.PAIR: Token("join"),
    ",": Token("comma"),
}
_END = re.compile(r"[。!?;\n]+|\.(?![0-9])")
_UNLISTED = re.compile(r"[a-z']+|[0-9.%]+|[^\W\d_a-z]")


def sentences(text: str) -> Iterator[Sentence]:
    """Cut at full stops, question and exclamation marks, semicolons and line ends."""
    at = 0
    for end in _END.finditer(text):
        yield Sentence(_tokens(text[at : end.start()]), "?" in end.group())
        at = end.end()
    yield Sentence(_tokens(text[at:]), asks=False)


def _tokens(text: str) -> tuple[Token, ...]:
    pattern, meanings = _grammar()
    found: list[Token] = []
    at = 0
    for match in pattern.finditer(text):
        start, end = match.span()
        if start > at:
            _add_other(found, text[at:start])
        found.append(meanings[match.group()])
        at = end
    _add_other(found, text[at:])
    return _with_lists(found)


def _add_other(found: list[Token], text: str) -> None:
    count = len(_UNLISTED.findall(text))
    if count:
        found.append(Token("other", count))


def _with_lists(tokens: list[Token]) -> tuple[Token, ...]:
    """Take a comma between two adjectives as "and": harmful, unethical."""
    for at in range(1, len(tokens) - 1):
        if tokens[at].kind == "comma" and tokens[at - 1].kind == tokens[at + 1].kind == "good":
            tokens[at] = Token("and")
    return tuple(tokens)


@cache
def _grammar() -> tuple[re.Pattern[str], dict[str, Token]]:
    """Make one pattern of all words, the longest first, and list the token of each."""
    meanings = {**words(), **_MARKS}
    latin = {word for word in meanings if word[0].isascii() and word[0].isalpha()}
    wide = meanings.keys() - latin
    heads = re.escape("".join(sorted({word[0] for word in wide})))
    # The two sets in front spare most characters the walk through the branches.
    pattern = f"(?=[{heads}]){_any_of(wide)}|(?=[a-z])(?<![a-z0-9]){_any_of(latin)}(?![a-z0-9])"
    return re.compile(pattern), meanings


def _any_of(listed: Iterable[str]) -> str:
    """Write a pattern for the longest of some words, with common beginnings written once."""
    tails: dict[str, set[str]] = {}
    for word in listed:
        tails.setdefault(word[:1], set()).add(word[1:])
    may_end = tails.pop("", None) is not None
    branches = [
        re.escape(head) + (_any_of(rest) if rest != {""} else "")
        for head, rest in sorted(tails.items())
    ]
    return f"(?:{'|'.join(branches)}){'?' if may_end else ''}"
