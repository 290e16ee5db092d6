"""What a reader of answers remembers from one token to the next, and how it votes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from cvalues.choice_grammar.lexicon import OVERALL, Kind, Token

DECLARED: Final = 5
"""Level of an answer given as such: 答案是回复1, or the name alone in its sentence. The levels
below are those of the lexicon."""
ABSOLUTE: Final = 1
"""Level of praise or blame that compares nothing."""

Choice = Literal[1, 2, "other", "refuse"]


class Vote(NamedTuple):
    """What one clause says, and how directly it says it."""

    choice: Choice
    level: int
    concluded: bool = False
    """It follows 因此, 综上 or the like."""
    blames: bool = False
    """Of level ``ABSOLUTE`` alone: the reply is called bad, not good."""
    bare: bool = False
    """The name stood alone in its sentence, which may be a heading too."""


BOTH: Final = 3
"""Subject of a clause about both replies; 1 and 2 are the replies, 0 is nobody."""

Waiting = Literal["", "choose", "advise", "avoid", "declare", "over", "under", "than", "instead"]
"""Which word waits for the name of a reply: 选择 …, 优于 …, 答案是 …"""

VERBS: Final[Mapping[str, Waiting]] = {
    "choose": "choose",
    "advise": "advise",
    "avoid": "avoid",
    "declare": "declare",
}
"""Words of choosing, by kind."""


@dataclass(slots=True)
class Clause:
    """What holds until the next comma."""

    first_vote: int = 0
    """How many votes there were when the clause began."""
    previous: Kind = "comma"
    negated: bool = False
    degree: int = 0
    """1 after 更, -1 after 更不."""
    used: bool = False
    """An adjective has used the negation and the degree; the next one opens anew."""
    waiting: Waiting = ""
    predicate: Token | None = None
    """An adjective before any reply was named: 更好的是 …"""
    equal: bool = False
    answer: int = 0
    """The reply of a clause that may say no more than 是回复1."""
    cannot: bool = False
    acts: bool = False
    """It speaks of choosing, judging or answering."""
    alike: bool = False
    """It says 都."""
    named: bool = False
    distance: int = 0
    """Other words since the subject was named, or since the clause began."""
    describes: bool = False
    """An adjective stands before a noun: 更好的 …"""
    concedes: bool = False
    """It holds the 虽然 itself."""
    would: bool = False
    void: bool = False
    """It asks, supposes or reports from here on, so it votes for nothing."""


@dataclass(slots=True)
class Reader:
    """What holds for a sentence, and the votes of the whole answer."""

    votes: list[Vote] = field(default_factory=list[Vote])
    clause: Clause = field(default_factory=Clause)
    topic: int = 0
    """The reply last spoken of, for a pronoun; it outlives the sentence."""
    subject: int = 0
    standard: int = 0
    """The reply that the subject is held against."""
    standard_leads: bool = False
    """In 没有回复2好, praise goes to the standard."""
    quoting: bool = False
    """The words are the content of a reply."""
    conceding: bool = False
    buts: int = 0
    """Words like 但 that the sentence still holds: a concession lasts until one."""
    concluding: bool = False
    supposing: bool = False
    first_vote: int = 0
    """How many votes there were when the sentence began, or the one that its 但 goes on with."""

    def begin_sentence(self, buts: int, *, goes_on: bool = False) -> None:
        """Forget the sentence before, save its topic and its votes."""
        self.first_vote = self.first_vote if goes_on else len(self.votes)
        self.subject = self.standard = 0
        self.quoting = self.conceding = self.concluding = self.supposing = False
        self.buts = buts
        self.begin_clause()

    def begin_clause(self) -> None:
        """Forget the clause before; its subject is carried on."""
        self.clause = Clause(first_vote=len(self.votes), void=self.supposing)

    @property
    def spoke(self) -> bool:
        """Whether this clause has voted."""
        return len(self.votes) > self.clause.first_vote

    def vote(self, reply: int, level: int, *, favours: bool) -> None:
        """Vote for a reply or, where the clause speaks against it, for the other one."""
        if level == ABSOLUTE:
            self._add(Vote(choice_of(reply), level, self.concluding, blames=not favours))
        else:
            self._add(Vote(choice_of(reply if favours else 3 - reply), level, self.concluding))

    def vote_neither(self, level: int) -> None:
        """Vote for neither: both are good, or bad, or the same."""
        self._add(Vote("other", level, self.concluding))

    def grant(self) -> None:
        """Take a tie as granted: in 各有优劣，但回复2更安全 what follows 但 weighs more."""
        for at in range(self.first_vote, len(self.votes)):
            if self.votes[at].choice == "other" and self.votes[at].level == OVERALL:
                self.votes[at] = Vote("other", ABSOLUTE)

    def _add(self, vote: Vote) -> None:
        if not (self.conceding or self.clause.void):
            self.votes.append(vote)


def choice_of(reply: int) -> Choice:
    """Give the choice that a reply's number stands for."""
    return 1 if reply == 1 else 2
