"""What the name of a reply does to the state of reading."""

from typing import Final

from cvalues.choice_grammar.lexicon import OVERALL, Token
from cvalues.choice_grammar.state import BOTH, DECLARED, VERBS, Reader, Waiting

_BEFORE_ANSWER: Final = frozenset({"equal", "colon", "would", "not", "turn"})


def name(reader: Reader, token: Token) -> None:
    """Take a named reply: as what a waiting word waited for, else as who the clause is about."""
    clause = reader.clause
    waiting, clause.waiting = clause.waiting, ""
    if waiting == "instead":
        _rather_than(reader, token.value)
        return
    reader.conceding = reader.conceding and clause.concedes
    if waiting in VERBS:
        _take(reader, token.value, waiting)
    elif waiting in {"over", "under"}:
        if not clause.negated:
            reader.vote(token.value, OVERALL, favours=waiting == "under")
        reader.subject, reader.quoting = 0, True
    elif waiting == "than":
        _hold_against(reader, token.value)
    elif clause.previous == "not" and reader.subject in {1, 2} and not clause.equal:
        # 回复1没有回复2好
        reader.standard, reader.standard_leads, clause.negated = token.value, True, False
    else:
        _speak_of(reader, token.value)
    clause.named = True


def _rather_than(reader: Reader, reply: int) -> None:
    """Read 回复1而不是回复2, where nothing else was said of either."""
    if reader.subject == 3 - reply and not (reader.quoting or reader.spoke):
        reader.vote(reader.subject, OVERALL, favours=not reader.clause.negated)


def _take(reader: Reader, reply: int, waiting: Waiting) -> None:
    level = DECLARED if waiting == "declare" else OVERALL
    reader.vote(reply, level, favours=reader.clause.negated == (waiting == "avoid"))
    reader.clause.negated = False
    reader.subject, reader.topic = 0, reply


def _hold_against(reader: Reader, reply: int) -> None:
    clause = reader.clause
    if clause.negated and reader.spoke:
        # "Not better than" may mean equal, so it decides nothing.
        del reader.votes[clause.first_vote :]
    elif clause.predicate is not None and not clause.negated:
        reader.vote(reply, clause.predicate.level, favours=clause.predicate.value < 0)
    reader.standard, reader.standard_leads = reply, False


def _speak_of(reader: Reader, reply: int) -> None:
    clause = reader.clause
    if clause.predicate is not None and clause.equal:
        favours = (clause.predicate.value > 0) != clause.negated
        reader.vote(reply, clause.predicate.level, favours=favours)
        clause.predicate = None
    elif not clause.named and clause.previous in _BEFORE_ANSWER:
        clause.answer = reply
    else:
        clause.negated = False
    clause.degree = clause.distance = 0
    reader.subject = reader.topic = reply
    reader.quoting = False
    if reader.standard == reply:
        reader.standard = 0


def beside(reader: Reader, token: Token) -> None:
    """Hold the clause against the reply of 与回复2相比."""
    reader.standard, reader.standard_leads = token.value, False
    reader.topic = 3 - token.value


def join(reader: Reader, _: Token) -> None:
    """Speak of both replies, as 回复1和回复2 names them."""
    reader.subject, reader.standard = BOTH, 0
    reader.clause.waiting = ""
    reader.quoting = False


def both(reader: Reader, token: Token) -> None:
    """Speak of both replies, as 两个回复 or 都 names them."""
    clause = reader.clause
    if clause.negated and clause.waiting in VERBS and token.kind == "both":
        reader.vote_neither(OVERALL)
        clause.waiting = ""
    if token.kind == "both" or reader.subject == 0:
        reader.subject = BOTH
    clause.alike = clause.alike or token.kind == "alike"


def pronoun(reader: Reader, _: Token) -> None:
    """Speak of the reply that was last spoken of."""
    if not reader.quoting and reader.subject == 0:
        reader.subject = reader.topic


def rival(reader: Reader, _: Token) -> None:
    """Speak of the reply that was not last spoken of."""
    if reader.topic:
        name(reader, Token("name", 3 - reader.topic))
