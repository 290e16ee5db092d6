"""What a judge is shown of a conversation: one object, or windows of a long one.

Turns are named by their index in the whole conversation, in every window. A turn that is longer
than half a window is shown in parts. What a window does not show is said in it, and the worst
window counts; nothing is left out in silence.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from judge.conversation import judged_turns, last_reply, turns_of
from judge.grading.prompt_injection import Material, has_content
from judge.grading.reply_parsing import quoted
from judge.records import Generation, ToolCall, Turn, Verdict, replaced
from rubrics.rubric import Role

WINDOW = 60_000
"""Characters of a window. A long context is read less carefully than a short one, so this is far
less than most judges take."""

MOST_WINDOWS = 200
"""Windows of one unit; what is longer is ``unscored.too_long``."""

_FRAME = 80
"""Characters around the text of a turn."""

_REPEATED = 0.2
"""Largest share of a window that repeats the end of the one before."""

_SEAM = 200
"""Characters that two parts of one turn have in common, so that no phrase is cut in two."""

NOT_FOUND = "evidence_not_found"
"""The remark where evidence does not stand in the turn that the judge named."""

OTHER_ROLE = "evidence_of_other_role"
"""The remark where the turn that the judge named is not one whose speaker is judged."""

LEFT_OUT = "context_omitted"
"""The remark where a judge was not shown all that came before a judged turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """One conversation as a rubric judges it."""

    turns: tuple[Turn, ...]
    judged: tuple[int, ...]
    """Indexes of the turns that are graded."""
    roles: Mapping[str, Sequence[Role]] | None
    """Whose turns decide each criterion, where they are graded together; None for one turn."""

    @property
    def session(self) -> bool:
        """Whether the judged turns are graded together."""
        return self.roles is not None

    @property
    def has_content(self) -> bool:
        """Whether any judged turn says anything."""
        return any(
            self.turns[at].not_shown or has_content(self.turns[at].text) for at in self.judged
        )


def session_of(generation: Generation, roles: Mapping[str, Sequence[Role]]) -> Dialogue:
    """Say which turns are graded where a rubric judges a whole conversation.

    Parameters
    ----------
    generation : Generation
    roles : mapping of str to sequence of Role
        Whose turns decide each criterion.
    """
    every = {role for each in roles.values() for role in each}
    judged = tuple(judged_turns(generation, every))
    return Dialogue(turns=turns_of(generation), judged=judged, roles=roles)


def turn_of(generation: Generation, roles: Sequence[Role]) -> Dialogue:
    """Say which turn is graded: the unit's own, or the last reply; what follows is left away."""
    turns, at = turns_of(generation), generation.turn
    if at is None:
        spoken = judged_turns(generation, roles)
        at = last_reply(turns) if tuple(roles) == ("assistant",) else next(reversed(spoken), None)
    judged = () if at is None else (at,)
    return Dialogue(turns=turns[: None if at is None else at + 1], judged=judged, roles=None)


def located(
    verdicts: Sequence[Verdict], dialogue: Dialogue
) -> tuple[tuple[Verdict, ...], tuple[str, ...]]:
    """Hold the evidence of verdicts against the turn that each names.

    Returns
    -------
    tuple of Verdict
        With the index of the turn; None where the judge named none, or one that does not exist.
    tuple of str
        Remarks that change no score.
    """
    if dialogue.roles is None:
        at = dialogue.judged[0]
        found = tuple(replaced(verdict, turn=at) for verdict in verdicts)
        text = dialogue.turns[at].text
        missing = not all(quoted(verdict.evidence, text) for verdict in verdicts)
        return found, (NOT_FOUND,) if missing else ()
    remarks = dict.fromkeys(
        remark
        for verdict in verdicts
        if (remark := _remark(verdict, dialogue.turns, dialogue.roles)) is not None
    )
    return tuple(_existing(verdict, dialogue) for verdict in verdicts), tuple(remarks)


def _remark(
    verdict: Verdict, turns: Sequence[Turn], roles: Mapping[str, Sequence[Role]]
) -> str | None:
    if verdict.turn is None:
        return NOT_FOUND if verdict.evidence else None
    if not 0 <= verdict.turn < len(turns):
        return NOT_FOUND
    named = turns[verdict.turn]
    if not quoted(verdict.evidence, named.text):
        return NOT_FOUND
    return None if named.role in roles[verdict.criterion] else OTHER_ROLE


def _existing(verdict: Verdict, dialogue: Dialogue) -> Verdict:
    exists = verdict.turn is None or 0 <= verdict.turn < len(dialogue.turns)
    return verdict if exists else replaced(verdict, turn=None)


# Windows: pieces of turns, packed in order.


@dataclass(frozen=True, slots=True)
class Piece:
    """A turn as it is shown, or a part of a long one."""

    turn: int
    shown: Mapping[str, object]
    size: int


def materials(
    dialogue: Dialogue, *, limit: int = WINDOW, reference: str | None = None
) -> tuple[Material, ...]:
    """Write what is judged as one object, or as several that each fit into a window.

    Parameters
    ----------
    dialogue : Dialogue
        With at least one judged turn.
    limit : int
        Characters of a window; an object may be longer by its reference.
    reference : str, optional
        Shown in each.

    Returns
    -------
    tuple of Material
        Empty where it cannot be shown in `MOST_WINDOWS` windows, or where what cannot be cut, such
        as the name of a tool, is longer than a window.
    """
    last = {} if reference is None else {"reference": reference}
    pieces = [piece for at, turn in enumerate(dialogue.turns) for piece in _pieces(at, turn, limit)]
    if sum(piece.size for piece in pieces) <= limit:
        judged = {} if dialogue.session else {"judged_turn": dialogue.judged[0]}
        return ({**_conversation(pieces), **judged, **last},)
    if any(piece.size > limit for piece in pieces):
        return ()
    windows = _over_session if dialogue.session else _around_turn
    shown = tuple(islice(windows(pieces, dialogue, limit), MOST_WINDOWS + 1))
    return () if len(shown) > MOST_WINDOWS else tuple({**each, **last} for each in shown)


def _conversation(pieces: Sequence[Piece]) -> dict[str, object]:
    return {"conversation": [piece.shown for piece in pieces]}


def _over_session(pieces: Sequence[Piece], dialogue: Dialogue, limit: int) -> Iterator[Material]:
    """Pack all turns in order; a window begins with the end of the one before.

    A window without a judged turn would have nothing to be judged and is not made.
    """
    packed = list(_packed(pieces, limit, repeated=int(limit * _REPEATED)))
    judged = frozenset(dialogue.judged)
    for number, (repeated, new) in enumerate(packed, 1):
        if any(piece.turn in judged for piece in new):
            window = {
                "number": number,
                "of": len(packed),
                "turns": _span([*repeated, *new]),
                "turns_of_all": len(dialogue.turns),
            }
            yield {"window": window, **_conversation([*repeated, *new])}


def _around_turn(pieces: Sequence[Piece], dialogue: Dialogue, limit: int) -> Iterator[Material]:
    """Show the judged turn, in parts where it is long, each with as much before it as fits."""
    at = dialogue.judged[0]
    before = [piece for piece in pieces if piece.turn < at]
    packed = list(_packed([p for p in pieces if p.turn == at], limit // 2 + _SEAM, repeated=0))
    for number, (_, parts) in enumerate(packed, 1):
        context, omitted = _tail(before, limit - sum(piece.size for piece in parts))
        shown = {**_conversation([*context, *parts]), "judged_turn": at}
        if len(packed) > 1:
            shown["window"] = {"number": number, "of": len(packed), "turns": str(at)}
        if omitted:
            shown["omitted"] = f"turns {_span(omitted)}"
        yield shown


def _tail(before: Sequence[Piece], room: int) -> tuple[list[Piece], list[Piece]]:
    """Keep the operator's instructions, and the last pieces for which there is room."""
    kept: set[int] = set()
    first = before[0] if before and before[0].shown["role"] == "system" else None
    if first is not None and first.size <= room // 4:
        kept.add(0)
        room -= first.size
    for place in range(len(before) - 1, -1, -1):
        if place in kept:
            continue
        room -= before[place].size
        if room < 0:
            break
        kept.add(place)
    shown = [piece for place, piece in enumerate(before) if place in kept]
    return shown, [piece for place, piece in enumerate(before) if place not in kept]


def _packed(
    pieces: Sequence[Piece], limit: int, *, repeated: int
) -> Iterator[tuple[list[Piece], list[Piece]]]:
    """Give groups of pieces in order, each with the end of the group before it."""
    before: list[Piece] = []
    new: list[Piece] = []
    size = 0
    for piece in pieces:
        if new and size + piece.size > limit:
            yield before, new
            before = _end([*before, *new], repeated)
            new, size = [], sum(each.size for each in before)
            if size + piece.size > limit:
                before, size = [], 0
        new.append(piece)
        size += piece.size
    yield before, new


def _end(pieces: Sequence[Piece], room: int) -> list[Piece]:
    kept: list[Piece] = []
    for piece in reversed(pieces):
        room -= piece.size
        if room < 0:
            break
        kept.insert(0, piece)
    return kept


def _span(pieces: Sequence[Piece]) -> str:
    first, last = pieces[0].turn, pieces[-1].turn
    return str(first) if first == last else f"{first} to {last}"


def _pieces(at: int, turn: Turn, limit: int) -> Iterator[Piece]:
    """Show a turn in one piece, or a long one in parts of half a window."""
    head: dict[str, object] = {"turn": at, "role": turn.role}
    named = {"tool_call_id": turn.tool_call_id, "name": turn.name}
    head |= {key: value for key, value in named.items() if value is not None}
    calls = [_shown_call(call) for call in turn.tool_calls]
    whole = {**head, "content": turn.content}
    whole |= {"tool_calls": calls} if calls else {}
    whole |= {"not_shown": list(turn.not_shown)} if turn.not_shown else {}
    frame = _FRAME + sum(len(str(value)) for value in head.values())
    size = len(turn.text) + frame + _FRAME * (len(calls) + len(turn.not_shown))
    if size <= limit // 2:
        yield Piece(at, whole, size)
        return
    parts = list(_parts(turn, limit // 2))
    for number, part in enumerate(parts, 1):
        shown = {**head, "part": f"{number} of {len(parts)}", **part}
        if number == len(parts) and turn.not_shown:
            shown["not_shown"] = list(turn.not_shown)
        yield Piece(at, shown, sum(len(str(value)) for value in part.values()) + frame)


def _shown_call(call: ToolCall) -> dict[str, str]:
    return {key: value for key, value in call.model_dump().items() if value}


def _parts(turn: Turn, most: int) -> Iterator[dict[str, object]]:
    for text in _cut(turn.content, most):
        yield {"content": text}
    for call in turn.tool_calls:
        for text in _cut(call.arguments, most) or [""]:
            yield {"tool_calls": [{"id": call.id, "name": call.name, "arguments": text}]}


def _cut(text: str, most: int) -> list[str]:
    step = max(most - _SEAM, 1)
    return [text[start : start + step + _SEAM] for start in range(0, len(text), step)]
