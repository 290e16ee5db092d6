"""Tell an answer from the absence of one, before a judge is paid to look at it.

Judges have been seen to reward answers that say nothing ("One Token to Fool LLM-as-a-Judge",
arXiv 2507.08794, 2025): a colon, or the opening of a solution that never comes.
"""

import re
import unicodedata

_OPENINGS = frozenset(
    {
        "thought process",
        "let's solve this problem step by step",
        "let's think step by step",
        "solution",
        "answer",
        "explanation",
        "reasoning",
        "final answer",
        "response",
        "解",
        "解答",
        "答案",
        "回答",
        "思考过程",
        "让我们一步一步思考",
        "让我们一步步解决这个问题",
    }
)
_MARKS = re.compile(r"[\W_]+")


def has_content(response: str) -> bool:
    """Tell whether a response says anything that could be judged.

    Returns
    -------
    bool
        False for blanks, marks alone, and the bare opening of an answer; True for short answers
        such as "4" or "是".
    """
    text = unicodedata.normalize("NFKC", response)
    visible = "".join(c for c in text if unicodedata.category(c) not in {"Cf", "Cc"})
    if not any(character.isalnum() or _pictographic(character) for character in visible):
        return False
    bare = _MARKS.sub(" ", visible.replace("'", "\u0001")).strip().lower()
    return bare.replace("\u0001", "'") not in _OPENINGS or not visible.rstrip().endswith((":", "."))


def _pictographic(character: str) -> bool:
    return unicodedata.category(character) == "So"
