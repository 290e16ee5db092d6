"""Read sentences of tokens as votes: what each clause says about the two replies."""

from collections.abc import Iterable
from typing import Final

from cvalues.choice_grammar.rules import RULES, end_clause
from cvalues.choice_grammar.state import DECLARED, Reader, Vote, choice_of
from cvalues.choice_grammar.tokens import Sentence, Token

_SAY_NOTHING: Final = frozenset(
    {"filler", "of", "equal", "colon", "comma", "would", "declare", "conclude", "judge", "think"}
)


def read(sentences: Iterable[Sentence]) -> list[Vote]:
    """Collect the votes of an answer, in its order; questions give none.

    Each sentence is read once, from left to right.
    """
    reader = Reader()
    for sentence in sentences:
        if sentence.asks or not sentence.tokens:
            continue
        alone = _named_alone(sentence.tokens)
        if alone:
            reader.topic = alone
            reader.votes.append(Vote(choice_of(alone), DECLARED, bare=True))
        else:
            _read_sentence(reader, sentence.tokens)
    return reader.votes


def _read_sentence(reader: Reader, tokens: tuple[Token, ...]) -> None:
    buts = sum(token.kind == "but" for token in tokens)
    reader.begin_sentence(buts, goes_on=tokens[0].kind == "but")
    for token in tokens:
        RULES[token.kind](reader, token)
        reader.clause.previous = token.kind
    end_clause(reader)


def _named_alone(tokens: tuple[Token, ...]) -> int:
    """Give the one reply that a sentence names, saying nothing else but why, or 0."""
    told: list[int] = []
    for token in tokens:
        if token.kind == "because":
            break
        if token.kind == "name":
            told.append(token.value)
        elif token.kind not in _SAY_NOTHING:
            return 0
    return told[0] if len(told) == 1 else 0
