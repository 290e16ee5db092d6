"""The page's own words, from a file for each language; no sentence stands in the code."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from string import Formatter
from typing import NamedTuple, get_args

from judge.files.decoding import printable, singular_too
from judge.records import Language, Record

_FOLDER = Path(__file__).parent
_WIDE = re.compile(
    "[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60"
    "\uffe0-\uffe6\U0001f300-\U0001faff\U00020000-\U0003fffd]+"
)
"""Runs of characters as wide as they are high, in the scripts that are in common use."""


class Both(Record):
    """A text of our own in Chinese and English, each written natively."""

    zh: str
    en: str

    def of(self, lang: Language) -> str:
        """Return the text in one language."""
        return self.zh if lang == "zh" else self.en


Filling = str | int | Both


def say(key: str, **values: Filling) -> Both:
    """Give a text in both languages.

    Parameters
    ----------
    key : str
        Section and name, such as ``"counts.all"``.
    **values : str, int or Both
        What its braces are filled with. Filled text is never read as a pattern again.

    Raises
    ------
    KeyError
        If a language lacks the text, or the text names a value that is not given.
    """
    filled = {lang: _filled(lang, key, values) for lang in get_args(Language)}
    return Both(zh=filled["zh"], en=filled["en"])


def say_all(section: str, *names: str) -> list[Both]:
    """Give several texts of a section, such as the heads of a table."""
    return [say(f"{section}.{name}") for name in names]


def reported(text: str) -> list[Both]:
    """Give sentences that another module wrote in English, parted by semicolons, in both languages.

    They are recognised by the patterns of the section `said`, the longest first; what no pattern
    fits is quoted.
    """
    found: list[Both] = []
    pieces = text.split("; ") if text else []
    while pieces:
        tried = (
            (end, known_sentence("; ".join(pieces[:end]))) for end in range(len(pieces), 0, -1)
        )
        end, known = next(
            ((end, known) for end, known in tried if known is not None),
            (1, say("said.unknown", text=pieces[0])),
        )
        found.append(known)
        pieces = pieces[end:]
    return found


def known_sentence(text: str) -> Both | None:
    """Give a sentence of another module in both languages; None where no pattern fits it."""
    for name, pattern in _sayings().items():
        match = pattern.fullmatch(text)
        if match is not None:
            return say(f"said.{name}", **match.groupdict())
    return None


def method_name(method: str) -> Both:
    """Name an estimator in both languages; by its own name where the page has no other."""
    known = method in strings("en")["estimator"]
    return say(f"estimator.{method}") if known else same(method)


def same(text: str) -> Both:
    """Give a text that reads the same in both languages."""
    return Both(zh=text, en=text)


def as_sentence(text: Both) -> Both:
    """Begin a text with a capital, unless an identifier stands there, and end it with a stop."""
    first = _FIRST_WORD.match(text.en)
    english = text.en[0].upper() + text.en[1:] if first else text.en
    return Both(
        zh=text.zh if text.zh[-1:] in "。！？" else f"{text.zh}。",
        en=english if english[-1:] in ".!?" else f"{english}.",
    )


def joined(texts: Iterable[Both], zh: str, en: str) -> Both:
    """Join texts by what stands between them in each language."""
    listed = tuple(texts)
    return Both(zh=zh.join(each.zh for each in listed), en=en.join(each.en for each in listed))


def bracketed(text: Both, addition: Both) -> Both:
    """Add to a text in brackets, each language in its own."""
    return Both(zh=f"{text.zh}（{addition.zh}）", en=f"{text.en} ({addition.en})")


_FIRST_WORD = re.compile(r"[a-z]+ ")


@lru_cache(maxsize=1)
def _sayings() -> Mapping[str, re.Pattern[str]]:
    """Turn the English sentences of the section `said` into patterns that catch their values."""
    patterns: dict[str, re.Pattern[str]] = {}
    for name, sentence in strings("en")["said"].items():
        if name == "unknown":
            continue
        pieces = (
            singular_too(re.escape(fixed)) + (f"(?P<{field}>(?:(?!; ).)+?)" if field else "")
            for fixed, field, _, _ in Formatter().parse(sentence)
        )
        patterns[name] = re.compile("".join(pieces), re.DOTALL)
    return patterns


@lru_cache(maxsize=2)
def strings(lang: Language) -> Mapping[str, Mapping[str, str]]:
    """Read the texts of one language: by section, by name."""
    return tomllib.loads((_FOLDER / f"strings.{lang}.toml").read_text(encoding="utf-8"))


def _filled(lang: Language, key: str, values: Mapping[str, Filling]) -> str:
    section, _, name = key.partition(".")
    text = ""
    for fixed, field, _, _ in Formatter().parse(strings(lang)[section][name]):
        text = _spaced(text, fixed)
        if field is not None:
            value = values[field]
            text = _spaced(text, value.of(lang) if isinstance(value, Both) else str(value))
    return text


def _spaced(before: str, after: str) -> str:
    """Join two pieces of a sentence; Chinese keeps a space from Latin letters and digits."""
    if before and after:
        scripts = {_script(before[-1]), _script(after[0])}
        return f"{before} {after}" if scripts == {"Han", "Latin"} else f"{before}{after}"
    return before or after


def _script(character: str) -> str:
    if "\u4e00" <= character <= "\u9fff":
        return "Han"
    return "Latin" if character.isascii() and (character.isalnum() or character == "%") else ""


# Quoted material as a page shows it: hidden characters as codes, long texts folded, longer cut.
#
# Nothing here escapes: texts stay texts until the template writes them.

LINES = 8
"""Lines that are shown before the fold."""

LONGEST = 20_000
"""Characters of one text that a page shows; what is cut is counted."""

_CODE = 13
"""Bytes of markup around the code of a hidden character."""

_LINE = 38.0
"""Width of a line in ems, as a column of the page is wide."""

_LEAST = 60
"""A fold that hides fewer characters than this is not worth a click."""


class Part(NamedTuple):
    """A stretch of text; `code` where it stands for a character that must be seen, not obeyed."""

    text: str
    code: bool


class Folded(NamedTuple):
    """A text in what is shown at once, what a click shows, and how much is not there at all."""

    head: str
    rest: str
    cut: int


def parts(text: str) -> tuple[Part, ...]:
    r"""Split a text at control, direction and invisible characters.

    Parameters
    ----------
    text : str
        Any text, lone surrogates included. Ends of line and tabs stay as they are.

    Examples
    --------
    >>> parts("a\u202eb")
    (Part(text='a', code=False), Part(text='\\u202e', code=True), Part(text='b', code=False))
    """
    text = text.replace("\r\n", "\n")
    shown = printable(text, keep="\n\t")
    return (Part(shown, code=False),) if shown == text else tuple(_split(text, shown))


def _split(text: str, shown: str) -> Iterator[Part]:
    """Walk both texts: where they differ, an escape stands for one character.

    An escape begins with a backslash, and a backslash is never escaped, so the walk is sure.
    """
    begun = at = 0
    for character in text:
        if shown[at] == character:
            at += 1
            continue
        if at > begun:
            yield Part(shown[begun:at], code=False)
        length = 4 if ord(character) <= 0xFF else 6 if ord(character) <= 0xFFFF else 10
        yield Part(shown[at : at + length], code=True)
        at += length
        begun = at
    if at > begun:
        yield Part(shown[begun:at], code=False)


def folded(text: str, *, longest: int = LONGEST, lines: int = LINES) -> Folded:
    """Split a text after a number of lines as wide as a column of the page.

    Parameters
    ----------
    text : str
    longest : int
        Characters that the page shows at most; what is beyond is only counted.
    lines : int
        Lines before the fold.
    """
    kept, cut = text[:longest], max(len(text) - longest, 0)
    at = _end_of_line(kept, lines)
    if len(kept) - at < _LEAST:
        return Folded(kept, "", cut)
    return Folded(kept[:at].rstrip("\n"), kept[at:], cut)


def _end_of_line(text: str, lines: int) -> int:
    """Find where a number of lines ends, at a line's end or after a word where one is near."""
    left = lines * _LINE
    at = 0
    for line in text.splitlines(keepends=True):
        width = max(_LINE, _LINE * -(-text_width(line, 1) // _LINE))
        if width > left:
            return at + _fitting(line, left)
        left -= width
        at += len(line)
        if left < _LINE:
            break
    return at


def _fitting(line: str, width: float) -> int:
    most = 0
    while most < len(line) and width > 0:
        width -= text_width(line[most], 1)
        most += 1
    near = max(line.rfind(mark, max(0, most - 24), most) for mark in " ，。；、！？")
    return near + 1 if near >= 0 else most


_ESCAPED = re.compile("[<>&\"']")


def markup_size(text: str) -> int:
    """Reckon how many bytes a text takes on a page, escaped and with its codes."""
    kept = text[:LONGEST]
    if not kept:
        return 0
    shown = printable(kept, keep="\n\t")
    marks = len(_ESCAPED.findall(kept))
    # A code is at least four characters in place of one.
    hidden = (len(shown) - len(kept)) // 3
    return len(shown.encode("utf-8")) + 4 * marks + _CODE * hidden


def text_width(text: str, size: int) -> float:
    """Estimate the width of a text in pixels, without knowing the reader's fonts."""
    wide = 0 if text.isascii() else sum(map(len, _WIDE.findall(text)))
    return size * (wide + 0.56 * (len(text) - wide))
