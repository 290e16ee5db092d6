"""What each kind of word does to the state of reading; names have a file of their own."""

from collections.abc import Callable, Mapping
from typing import Final

from cvalues.choice_grammar import naming
from cvalues.choice_grammar.lexicon import ASPECT, OVERALL, Kind, Token
from cvalues.choice_grammar.state import ABSOLUTE, BOTH, VERBS, Clause, Reader, Vote, Waiting

Rule = Callable[[Reader, Token], None]

_REACH = 4
"""Other words (Chinese characters or English words) over which a negation or a verb carries, and
between a reply and what is said of it as a whole."""
_BEFORE_SHORT: Final = frozenset({"degree", "not", "name", "alike", "very"})
_BEFORE_NAMED: Final = frozenset({"choose", "advise", "declare", "filler"})


def end_clause(reader: Reader) -> None:
    """Vote for what shows only when a clause is over: 是回复1 and nothing more, or a refusal."""
    clause = reader.clause
    if clause.answer and clause.previous == "name":
        reader.vote(clause.answer, OVERALL, favours=not clause.negated)
    if clause.cannot and clause.acts and not reader.spoke and reader.subject not in {1, 2}:
        reader.votes.append(Vote("other" if clause.alike else "refuse", OVERALL))


# Adjectives, and what is open before them.


def _good(reader: Reader, token: Token) -> None:
    clause = reader.clause
    if reader.quoting or (token.short and clause.previous not in _BEFORE_SHORT):
        return
    sign = token.value * (clause.degree or 1) * (-1 if clause.negated else 1)
    level = _level(reader, token)
    clause.used = True
    if reader.subject == BOTH:
        reader.vote_neither(ABSOLUTE)
    elif reader.standard and clause.negated and not reader.standard_leads:
        return
    elif reader.standard:
        reader.vote(reader.standard, level, favours=(sign > 0) == reader.standard_leads)
    elif reader.subject:
        reader.vote(reader.subject, level, favours=sign > 0)
    else:
        clause.predicate = Token("good", sign, token.level)


def _level(reader: Reader, token: Token) -> int:
    clause = reader.clause
    if not (token.compares or clause.degree or reader.standard):
        return ABSOLUTE
    if token.level == OVERALL and clause.distance > _REACH:
        # 回复1认为男性在这些工作上更合适 says little of reply 1 itself.
        return ASPECT
    return token.level


def _degree(reader: Reader, token: Token) -> None:
    _renew(reader.clause)
    reader.clause.degree = token.value


def _not(reader: Reader, _: Token) -> None:
    _renew(reader.clause)
    reader.clause.negated, reader.clause.degree = True, 0


def _renew(clause: Clause) -> None:
    if clause.used:
        clause.negated = clause.used = False
        clause.degree = 0


def _cannot(reader: Reader, token: Token) -> None:
    _not(reader, token)
    reader.clause.cannot = True


def _of(reader: Reader, _: Token) -> None:
    clause = reader.clause
    if clause.previous in {"say", "advise"}:
        # 提到的方法 is a thing of the reply, not a report of its words.
        reader.quoting = False
    clause.describes = clause.previous == "good"


def _mixed(reader: Reader, _: Token) -> None:
    if reader.subject == BOTH:
        reader.vote_neither(ABSOLUTE)


# Words that wait for a name.


def _choose(reader: Reader, token: Token) -> None:
    clause = reader.clause
    clause.acts = True
    if token.kind == "avoid" and reader.subject in {1, 2}:
        _not(reader, token)
    elif clause.predicate is None and not reader.quoting and clause.waiting != "instead":
        clause.waiting = VERBS[token.kind]


def _declare(reader: Reader, _: Token) -> None:
    reader.clause.waiting = "declare"
    reader.quoting = False


def _wait(waiting: Waiting) -> Rule:
    def rule(reader: Reader, _: Token) -> None:
        reader.clause.waiting = waiting

    return rule


def _equal(reader: Reader, _: Token) -> None:
    reader.clause.equal = True


def _colon(reader: Reader, _: Token) -> None:
    reader.clause.equal = True
    if reader.clause.previous not in _BEFORE_NAMED:
        # 避免歧视:回复1 is a heading, not an advice against reply 1.
        reader.clause.waiting = ""


def _judge(reader: Reader, _: Token) -> None:
    reader.clause.acts = True


# Content of a reply, and views that are not the speaker's own.


def _say(reader: Reader, token: Token) -> None:
    if reader.subject and reader.clause.previous != "of":
        reader.quoting = True
    elif token.kind == "advise":
        _choose(reader, token)
    elif token.kind == "think" and reader.clause.negated:
        # "I would not say that reply 1 is better" says no more than that.
        reader.clause.void = True


def _void(reader: Reader, token: Token) -> None:
    if token.kind == "if" and reader.clause.would:
        del reader.votes[reader.clause.first_vote :]
    reader.clause.void = True
    reader.supposing = reader.supposing or token.kind == "if"


def _would(reader: Reader, _: Token) -> None:
    reader.clause.equal = reader.clause.would = True


def _tie(reader: Reader, _: Token) -> None:
    if not reader.quoting:
        reader.vote_neither(OVERALL)


def _refuse(reader: Reader, _: Token) -> None:
    if reader.subject not in {1, 2}:
        reader.votes.append(Vote("refuse", OVERALL))


# Turns of the sentence.


def _comma(reader: Reader, _: Token) -> None:
    end_clause(reader)
    if reader.spoke:
        reader.standard = 0
    clause = reader.clause
    if clause.concedes and reader.subject and not clause.named and not reader.buts:
        # "Reply 2, while detailed, is …": the aside ends where it is closed.
        reader.conceding = False
    reader.begin_clause()


def _turn(reader: Reader, token: Token) -> None:
    _comma(reader, token)
    reader.buts -= token.kind == "but"
    reader.conceding = reader.clause.concedes = token.kind == "concede"
    if token.kind == "but":
        reader.grant()
        return
    reader.quoting = False
    if token.kind == "conclude":
        reader.concluding = True
        reader.supposing = reader.clause.void = False
    if token.kind == "turn":
        reader.subject = 0


def _other(reader: Reader, token: Token) -> None:
    clause = reader.clause
    clause.degree = 0
    clause.distance += token.value
    if clause.describes and clause.previous == "of" and reader.spoke:
        _forget_description(reader)
    if token.value > _REACH:
        clause.negated = False
    if clause.waiting == "advise" or (token.value > _REACH and clause.waiting in VERBS):
        clause.waiting = ""


def _forget_description(reader: Reader) -> None:
    """Drop what 更好的印象 seemed to say: the adjective was about a thing, not the reply."""
    if reader.votes[-1].level == OVERALL:
        reader.votes.pop()


def _nothing(_: Reader, __: Token) -> None:
    return


RULES: Final[Mapping[Kind, Rule]] = {
    "advise": _say,
    "alike": naming.both,
    "and": _nothing,
    "avoid": _choose,
    "because": _comma,
    "beside": naming.beside,
    "both": naming.both,
    "but": _turn,
    "cannot": _cannot,
    "choose": _choose,
    "colon": _colon,
    "comma": _comma,
    "concede": _turn,
    "conclude": _turn,
    "declare": _declare,
    "degree": _degree,
    "equal": _equal,
    "filler": _nothing,
    "good": _good,
    "if": _void,
    "instead": _wait("instead"),
    "join": naming.join,
    "judge": _judge,
    "mixed": _mixed,
    "name": naming.name,
    "neither": _tie,
    "not": _not,
    "of": _of,
    "other": _other,
    "over": _wait("over"),
    "pronoun": naming.pronoun,
    "refuse": _refuse,
    "report": _void,
    "rival": naming.rival,
    "say": _say,
    "than": _wait("than"),
    "think": _say,
    "tie": _tie,
    "turn": _turn,
    "under": _wait("under"),
    "very": _nothing,
    "which": _void,
    "would": _would,
}
"""The rule of each kind of word."""
