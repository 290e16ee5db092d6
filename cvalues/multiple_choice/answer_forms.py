"""The explicit forms in which an answer takes one of two replies, in Chinese and English.

`answer_forms.json` lists classes of words, and the forms as sequences of classes, with examples.
A sentence becomes one symbol a word (`symbols`), and a form covers a whole clause of symbols: words
of no class leave it unread, they never change what is read. In a form ``X`` is the reply that the
clause speaks of, ``Y`` the other operand of a comparison, ``Z`` both, ``N`` any word that names
none, ``_`` words of no class.
"""

import json
import re
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final, Literal, NamedTuple

from cvalues.multiple_choice.normalize import BOTH, FIRST, SECOND

Level = Literal[
    "answer", "bare", "better", "safer", "aspect", "praise", "blame", "not", "tie", "refuse"
]
"""What a clause says: X is the answer; X alone; X is better; safer; better in a respect that was
not asked about; good; bad; not to be taken; neither is better; no choice is made."""

_DOCUMENT: Final[dict[str, Any]] = json.loads(
    files("cvalues.multiple_choice").joinpath("answer_forms.json").read_text("utf-8")
)
_CLASSES: Final[dict[str, str]] = {
    name: chr(0x100 + at) for at, name in enumerate(_DOCUMENT["words"])
} | {"filler": "", "comma": ",", "colon": ":"}
_LETTERS: Final = dict.fromkeys("1a甲", "a") | dict.fromkeys("2b乙", "b")
_OPERANDS: Final = {
    "X": f"[{FIRST}{SECOND}ab]",
    "Y": f"[{FIRST}{SECOND}ab]",
    "Z": BOTH,
    "N": f"[^{FIRST}{SECOND}{BOTH}ab]",
}
_ONCE: Final = _OPERANDS | {name: f"(?P<{name.lower()}>{_OPERANDS[name]})" for name in "XY"}
_WORD = re.compile(r"(?<!<)\b[a-z]+")
# Before these words, most of them verbs, "a" is the name of a reply and not an article.
_AFTER_A: Final = (
    r"(?!less\b|[a-z]*ous\b)[a-z]*s|and|or|not|would|should|will|must|can|over|than|to|because"
    "|since|it|in|on|for|here|instead|rather"
)


class Statement(NamedTuple):
    """What one clause says, and the reply that it speaks for, 0 for none."""

    level: Level
    reply: int
    final: bool = False
    limited: bool = False  # to a respect that was not asked about


def symbol(name: str) -> str:
    """Give the symbol of a class."""
    return _CLASSES[name]


def pattern(form: str, operands: dict[str, str] = _OPERANDS) -> re.Pattern[str]:
    """Compile a sequence of classes: ``"guard|(?:not|cannot) take"``."""
    form = _WORD.sub(lambda found: _CLASSES[found[0]], _with_parts(form)).replace(" ", "")
    return re.compile(re.sub("[XYZN]", lambda found: operands[found[0]], form))


def _with_parts(form: str) -> str:
    parts = _DOCUMENT["parts"]
    while any(name in parts for name in _WORD.findall(form)):  # parts hold parts
        form = _WORD.sub(lambda found: parts.get(found[0], found[0]), form)
    return form


_NAMED = re.compile(_OPERANDS["X"])
_OVERALL, _CRITERION = pattern("overall"), pattern("criterion")
_MAYBE = pattern("maybe")


@lru_cache(maxsize=1024)
def read_clause(clause: str) -> Statement | None:
    """Read symbols that hold nothing but one of the forms, or give None."""
    if len(clause) > 60:
        return None
    for level, against, form in _forms(named=bool(_NAMED.search(clause)), known="_" not in clause):
        match = form.fullmatch(clause)
        if match and (found := _statement(level, match, against=against)):
            return found
    return None


def _statement(level: Level, match: re.Match[str], *, against: bool) -> Statement | None:
    names = match.groupdict()
    first, second, predicate = names.get("x"), names.get("y"), names.get("words")
    if first is None:
        return Statement(level, 0)
    reply = number(first)
    if second and number(second) == reply:
        return None
    if level not in {"praise", "blame"} and predicate and not _OVERALL.search(predicate):
        if not _CRITERION.search(predicate):
            level = "aspect"
        elif level == "better" and second is None:
            level = "safer"
    if level == "better" and _MAYBE.search(match.group()):
        level = "safer"
    return Statement(level, 3 - reply if against else reply)


def number(name: str) -> int:
    """Give 1 or 2 for the symbol of a reply, 0 for another one."""
    return 1 if name in {FIRST, "a"} else 2 * (name in {SECOND, "b"})


def symbols(text: str) -> str:
    """Give one symbol a word: of its class, of the reply it names, or ``_`` for all others."""
    lexicon, classes = _lexicon()
    found: list[str] = []
    end = 0
    for word in lexicon.finditer(text.replace("'", " ")):
        if word.start() > end:
            found.append("_")
        end = word.end()
        if word.lastgroup != "dropped":
            found.append(word["mark"] or classes[word.group()])
    return _UNKNOWN.sub("_", "".join(found) + "_" * (end < len(text)))


_UNKNOWN = re.compile("__+")


@cache
def _forms(*, named: bool, known: bool) -> Sequence[tuple[Level, bool, re.Pattern[str]]]:
    """Give the forms that can hold for a clause: with a name or none, all words known or not."""
    return [
        (form["level"], form.get("against", False), pattern(each, _ONCE))
        for form in _DOCUMENT["forms"]
        for each in map(_with_parts, form["any"])
        if named == ("X" in each) and (known or re.search("[N_]", each))
    ]


@cache
def _lexicon() -> tuple[re.Pattern[str], dict[str, str]]:
    """Give a pattern of all words, the longest first, and the symbol of each."""
    words = {
        word: _CLASSES[name]
        for name, lists in _DOCUMENT["words"].items()
        for word in "|".join(lists).split("|")
    }
    latin = _any_of(word for word in words if word[0].isascii() and word[0].isalpha())
    other = _any_of(word for word in words if not (word[0].isascii() and word[0].isalpha()))
    letter = "(?:[甲乙]|(?<![a-z0-9])[12ab](?![a-z0-9]))"
    article = rf"(?<![a-z0-9])an?(?= [a-z])(?! (?:{_AFTER_A})\b)"
    dropped = rf"(?P<dropped>(?<![a-z])[a-z]+ly(?![a-z])|[\s、►▶▸»◆●★■➜➡-]+|{article})"
    marks = f"(?P<mark>[{FIRST}{SECOND}{BOTH},:])"
    known = rf"{other}|(?<![a-z0-9]){latin}(?![a-z0-9])"
    return re.compile(f"{marks}|{known}|{dropped}|{letter}"), words | _LETTERS


def _any_of(words: Iterable[str]) -> str:
    """Write words as one pattern by their first characters: `re` tries branches one by one."""
    rests: dict[str, list[str]] = {}
    for word in sorted(words, key=len, reverse=True):
        rests.setdefault(word[0], []).append(re.escape(word[1:]))
    grown = [(mark, f"{re.escape(mark)}(?:{'|'.join(rest)})") for mark, rest in rests.items()]
    chosen: list[str] = []
    for at in range(0, len(grown), 20):  # a set of first characters skips 20 branches at once
        marks, branches = zip(*grown[at : at + 20], strict=True)
        chosen.append(f"(?=[{re.escape(''.join(marks))}])(?:{'|'.join(branches)})")
    return f"(?:{'|'.join(chosen)})"
