"""What one clause of an answer says of the two replies."""

from typing import Final, Literal, NamedTuple

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
