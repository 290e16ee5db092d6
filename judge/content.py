"""Tell an answer from the absence of one, before a judge is paid to look at it.

Judges have been seen to reward answers that say nothing ("One Token to Fool LLM-as-a-Judge",
arXiv 2507.08794, 2025): a colon, the opening of a solution that never comes, or one sentence for
every question ("Cheating Automatic LLM Benchmarks", arXiv 2410.07137, 2024).
"""

import re
import unicodedata

_BARE = frozenset(
    {
        "thought process",
        "solution",
        "respuesta",
        "解",
        "思考过程",
        "かいせつ",
        "解説",
        "n a",
        "见上文",
        "见上",
        "同上",
        "如上",
        "如上所述",
        "see above",
        "as above",
        "same as above",
    }
)
"""Nothing, however it ends. Two of them are what the paper calls master keys in Japanese."""

_OPENINGS = frozenset(
    {
        "answer",
        "explanation",
        "reasoning",
        "final answer",
        "response",
        "analysis",
        "解答",
        "答案",
        "回答",
        "分析",
        "解析",
    }
)
"""Nothing where a colon or a full stop follows; without one they may be the answer to a riddle."""

_STEPS = frozenset(
    {
        *["let", "let's", "lets", "us", "me", "i", "i'll", "we", "we'll", "will"],
        *["now", "so", "okay", "ok", "sure", "first", "carefully", "out", "and", "by", "at"],
        *["work", "solve", "think", "go", "reason", "start", "begin", "walk", "break", "down"],
        *["through", "about", "this", "the", "it", "problem", "question", "task"],
        *["a", "one", "step", "steps", "time"],
    }
)
"""Words of which announcements of a solution are made."""

_STEPS_ZH = re.compile(
    "(?:好的?,?)?(?:首先,?)?(?:让我们?|我们来?|我来|请?让我们)(?:先|来)?(?:一步一步|一步步|逐步|仔细)地?来?"
    "(?:思考|分析|解决|推理|解答|看)(?:一下)?(?:这个|这道|该|此)?(?:问题|题目?)?"
)
_WHATEVER = re.compile(
    r"(?:无论|不管)(?:您|你)(?:问|提)(?:什么|任何|哪)|"
    r"(?:no matter what|whatever) (?:you|the user|anyone) (?:asks?|say)"
)
_SPEAKER = frozenset({"let", "let's", "lets", "i", "we", "i'll", "we'll"})
_MARKS = re.compile(r"[^\w']+|_+")


def has_content(response: str) -> bool:
    """Tell whether a response says anything that could be judged.

    Returns
    -------
    bool
        False for blanks, marks alone, the bare opening of an answer, a pointer to nothing, and an
        answer that says it is the same for every question; True for short answers such as "4" or
        "是".
    """
    if len(response) > 200:
        # What says nothing is short, but for blanks and invisible characters.
        return any(character.isalnum() for character in response)
    text = unicodedata.normalize("NFKC", response)
    visible = _visible(text).lower()
    if not any(character.isalnum() or _pictographic(character) for character in visible):
        return False
    return not _says_nothing(visible.replace("\u2019", "'").strip())


def _visible(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c for c in text if unicodedata.category(c) not in {"Cf", "Cc"})


def _says_nothing(visible: str) -> bool:
    bare = _MARKS.sub(" ", visible).strip()
    if bare in _BARE or (bare in _OPENINGS and visible.endswith((":", ".", "。"))):
        return True
    return _announces(bare) or _WHATEVER.match(visible) is not None


def _announces(bare: str) -> bool:
    """Tell the announcement of a solution, such as "Let's think step by step"."""
    words = set(bare.split())
    stepwise = bool(words & _SPEAKER) and ("step" in words or "carefully" in words)
    return (stepwise and words <= _STEPS) or _STEPS_ZH.fullmatch(bare.replace(" ", "")) is not None


def _pictographic(character: str) -> bool:
    return unicodedata.category(character) == "So"
