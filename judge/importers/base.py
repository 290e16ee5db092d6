"""What a file of another tool gives: generations, scores, and what could not be taken over."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import Field

from judge.files.decoding import clipped
from judge.files.read import Node
from judge.records import Generation, Record

_PERSON = frozenset(("user", "HUMAN"))
"""How chat formats and OpenCompass call who asks."""


class Score(Record):
    """What another tool's judge or metric said of one generation under one criterion."""

    id: str = Field(min_length=1)
    system: str
    sample: int = Field(default=0, ge=0)
    group: str | None = None
    judge: str
    """The judge model where the tool names it, else the tool."""
    criterion: str
    score: float | None
    """None where the tool has none: its judge failed, or gave no number."""

    @property
    def unit(self) -> tuple[str, str, int]:
        """The generation that was scored."""
        return (self.id, self.system, self.sample)


def score_of(generation: Generation, criterion: str, score: float | None, *, judge: str) -> Score:
    """Say what a judge or metric gave a generation under one criterion."""
    return Score(
        id=generation.id,
        system=generation.system,
        sample=generation.sample,
        group=generation.group,
        judge=judge,
        criterion=criterion,
        score=score,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """The whole of a file.

    Attributes
    ----------
    generations : tuple of Generation
    scores : tuple of Score
    left_out : tuple of str
        One line for each entry of the file that is in neither, and why.
    """

    generations: tuple[Generation, ...]
    scores: tuple[Score, ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Collected:
    """Gathers what an importer finds; every unit may come once."""

    generations: dict[tuple[str, str, int], Generation] = field(default_factory=dict)
    scores: dict[tuple[str, str, int, str], Score] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def keep(self, node: Node, generation: Generation) -> None:
        """Take a generation; a TableError when its unit came before."""
        if generation.unit in self.generations:
            raise node.error(
                f"has the id '{clipped(generation.id)}' of an earlier entry",
                "import runs and systems one by one",
            )
        self.generations[generation.unit] = generation

    def score(self, node: Node, scores: Iterable[Score]) -> None:
        """Take scores; a TableError when one came before under the same criterion."""
        for score in scores:
            key = (*score.unit, score.criterion)
            if key in self.scores:
                raise node.error(
                    f"scores '{clipped(score.criterion)}' twice", "give each metric its own name"
                )
            self.scores[key] = score

    def leave_out(self, node: Node, why: str) -> None:
        """Note an entry that gives no generation."""
        self.left_out.append(f"{clipped(node.way, 80)}: {why}")

    def all(self) -> Imported:
        """Give everything that was gathered, in the order of the file."""
        return Imported(
            generations=tuple(self.generations.values()),
            scores=tuple(self.scores.values()),
            left_out=tuple(self.left_out),
        )


def name_of(node: Node) -> str:
    """Read an id that a tool writes as text or as a whole number; a TableError for others."""
    if isinstance(node.value, int) and not isinstance(node.value, bool):
        return str(node.value)
    if not node.text():
        raise node.error("is empty", "is it the file of another tool?")
    return node.text()


def number_of(node: Node | None) -> float | None:
    """Read a score: numbers as they are, true as 1, false as 0, and anything else as missing."""
    value = None if node is None else node.value
    return float(value) if isinstance(value, (int, float)) else None


def chat_text(node: Node) -> str:
    """Read what was said: a text, a message, or the text parts of a list of either.

    Raises
    ------
    TableError
        If it is none of them.
    """
    if isinstance(node.value, str):
        return node.value
    if isinstance(node.value, list):
        return "\n".join(part for part in map(chat_text, node.items()) if part)
    fields = node.fields()
    name = next((name for name in ("content", "prompt", "text") if name in fields), None)
    # Pictures and calls of tools have none of these; what was said around them is kept.
    return chat_text(fields[name]) if name and fields[name].value is not None else ""


def question(node: Node) -> str:
    """Read what was asked: a text, or the last message of the person in a list of messages.

    What comes before it, instructions and worked examples, is the frame of the task.

    Raises
    ------
    TableError
        If it is neither.
    """
    if not isinstance(node.value, list):
        return chat_text(node)
    asked = [m for m in node.items() if (role := m.get("role")) and role.value in _PERSON]
    return chat_text(asked[-1] if asked else node)
