"""A conversation as a page shows it: what both releases have in common, and where they part."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from judge.conversation import turns_of
from judge.records import Generation, Judgment
from judge.report.model import ShownTurn

BEFORE = 4
"""Turns that are shown before one that is judged for itself."""


def common(generations: Sequence[Generation]) -> int:
    """Count the turns with which all conversations of a prompt begin.

    Where there is one alone it has nothing in common with another, and 0 is given.
    """
    if len(generations) < 2:
        return 0
    first, *others = (turns_of(each) for each in generations)
    for at, turn in enumerate(first):
        if any(len(other) <= at or other[at] != turn for other in others):
            return at
    return len(first)


def shown_turns(
    generation: Generation,
    judgments: Sequence[Judgment],
    *,
    labelled: Container[int | None] = (),
    first: int = 0,
    last: int | None = None,
) -> tuple[ShownTurn, ...]:
    """Give turns of a conversation with what judges said of each; none where there is none.

    Parameters
    ----------
    generation : Generation
    judgments : sequence of Judgment
        Of this unit.
    labelled : collection of int
        Indexes of the turns that experts' labels name.
    first, last : int
        Indexes of the first turn to show, and of the one after the last.
    """
    if not generation.messages:
        return ()
    begin = 0 if generation.turn is None else max(0, generation.turn - BEFORE)
    end = len(generation.messages) if generation.turn is None else generation.turn + 1
    end = end if last is None else min(end, last)
    marks = _marks(judgments)
    return tuple(
        ShownTurn(
            index=at,
            turn=generation.messages[at],
            evidence=tuple(sorted(marks.get(at, {}), key=len, reverse=True)),
            named=at in marks,
            labelled=at in labelled,
        )
        for at in range(max(begin, first), end)
    )


def _marks(judgments: Iterable[Judgment]) -> Mapping[int, Mapping[str, None]]:
    """Collect what verdicts quote, by turn."""
    found: dict[int, dict[str, None]] = {}
    for judgment in judgments:
        for verdict in judgment.verdicts:
            if verdict.turn is not None:
                quotes = found.setdefault(verdict.turn, {})
                quotes |= {verdict.evidence: None} if verdict.evidence else {}
    return found


def highlighted(text: str, evidence: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Split a text at what was quoted from it; True for a quotation.

    Examples
    --------
    >>> list(highlighted("Wait here, please.", ["here"]))
    [('Wait ', False), ('here', True), (', please.', False)]
    """
    at = 0
    while at < len(text):
        found = [(place, quote) for quote in evidence if (place := text.find(quote, at)) >= 0]
        if not found:
            break
        place, quote = min(found, key=lambda each: (each[0], -len(each[1])))
        if place > at:
            yield text[at:place], False
        yield quote, True
        at = place + len(quote)
    if at < len(text):
        yield text[at:], False


LONG = 6
"""Turns in a row of which no verdict speaks, above which they are folded."""


def blocks(turns: Sequence[ShownTurn]) -> list[list[ShownTurn]]:
    """Split turns into runs that verdicts or labels name and runs that none does."""
    return [list(run) for _, run in groupby(turns, key=lambda shown: shown.named or shown.labelled)]
