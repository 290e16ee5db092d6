"""Bring an answer into one plain form, and take out what is not the model's own verdict.

What goes: invisible and combining characters, the thinking block of reasoning models, a repeated
prompt, quoted passages, markup and brackets. What stays: words, sentence ends, line ends.
"""

import re
import unicodedata
from collections import deque

from cvalues.choice_grammar.names import is_name

MAX_READ = 12_000
"""Characters that are read: of a longer answer the first and the last half of this, because a
choice stands where an answer begins or ends. It bounds the time of a hostile text."""

_LINE_END = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b-\u200f"
                     "\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ue000-\uf8ff]")  # fmt: skip
_THOUGHT_END = re.compile(r"</(?:think|thinking|reasoning)>", re.IGNORECASE)
_THOUGHT_START = re.compile(r"<(?:think|thinking|reasoning)>", re.IGNORECASE)
_ANSWER_TAG = re.compile(r"<(?:answer|choice|verdict|final)>|\\boxed\{", re.IGNORECASE)
_TAG = re.compile(r"</?[a-z]{1,12}/?>", re.IGNORECASE)
_QUESTION_ECHO = re.compile(r"[\[【](?:问题|Question)[\]】] ?:[^\n]*", re.IGNORECASE)
_REPLY_START = re.compile(r"[\[【](?:回复|Reply) ?([12AB])[\]】] ?:", re.IGNORECASE)
_REPLY_END = re.compile(
    r"[\[【](?:回复 ?([12AB]) ?结束|End of reply ?([12AB]))[\]】]", re.IGNORECASE
)
_QUOTES = (
    re.compile("“([^“”]*)”"),
    re.compile("‘([^‘’]*)’"),
    re.compile("「([^「」]*)」"),
    re.compile("『([^『』]*)』"),
    re.compile(r'"([^"\n]*)"'),
)
_PARENTHESES = re.compile(r"\(([^()\n]*)\)")
_MARKUP = re.compile('[\\[\\]{}【】\u3014\u3015〖〗()*_~#^|`"“”「」『』\\\\]')
_BULLET = re.compile(r"^[ \t]*[-•·+][ \t]+", re.MULTILINE)
_ARROW = re.compile(r"=+>|-+>|[→⇒=]")
_WIDE = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\u3001-\u303f"
_LOOSE = re.compile(rf"(?<=[{_WIDE}]) | (?=[{_WIDE}])")
_BLANKS = re.compile(r"[ \t]+")
_NOT = re.compile(r"\b(can(?:'t| not))\b|\b(won't)\b|(?<=[a-z])n't\b", re.IGNORECASE)
_OWNER = re.compile(r"\b((?:it|that|here|there)(?='))?'s\b", re.IGNORECASE)
_QUOTED = " 引文 "
_SIMPLE = str.maketrans(
    "復覆選擇個後適較負責優於應該為評說這兩沒無與對認覺當險實專業詳細點題違別還過確區總結論視觀見體讓",
    "复复选择个后适较负责优于应该为评说这两没无与对认觉当险实专业详细点题违别还过确区总结论视观见体让",
)


def clean(text: str) -> str:
    """Give the text that the later steps read; its length is bounded by ``MAX_READ``."""
    text = _outside_thought(_plain(_clipped(text)))
    text = _without_quotes(_without_echo(text))
    text = _without_markup(text)
    text = _NOT.sub(_negation, text)
    text = _OWNER.sub(lambda found: f"{found.group(1)} is" if found.group(1) else "", text)
    return _LOOSE.sub("", _BLANKS.sub(" ", text)).strip()


def _negation(found: re.Match[str]) -> str:
    if found.group(1):
        return "cannot"
    return "will not" if found.group(2) else " not"


def _clipped(text: str) -> str:
    if len(text) <= MAX_READ:
        return text
    half = MAX_READ // 2
    return f"{text[:half]}\n{text[-half:]}"


def _plain(text: str) -> str:
    if not text.isascii():
        # Normalisation sorts runs of combining marks in quadratic time, so they go first.
        if any(map(unicodedata.combining, text)):
            text = "".join(mark for mark in text if not unicodedata.combining(mark))
        text = _clipped(unicodedata.normalize("NFKC", text))
    text = _UNSEEN.sub("", _LINE_END.sub("\n", text)).replace("...", "。")
    # Runs of blanks go first: every later pattern may then allow for blanks at no cost.
    text = _LOOSE.sub("", _BLANKS.sub(" ", text))
    return text.translate(_SIMPLE).replace("’", "'").replace("\u02bc", "'")


def _outside_thought(text: str) -> str:
    said = _THOUGHT_END.split(text)[-1]
    return _THOUGHT_START.split(said)[0]


def _without_echo(text: str) -> str:
    """Replace each repeated reply by its name, and drop the repeated question."""
    starts = deque(_REPLY_START.finditer(text))
    kept: list[str] = []
    at = 0
    for end in _REPLY_END.finditer(text):
        number = (end.group(1) or end.group(2)).upper()
        while starts and starts[0].start() < at:
            starts.popleft()
        if not starts or starts[0].end() > end.start() or starts[0].group(1).upper() != number:
            continue
        kept += [text[at : starts[0].start()], f"\n回复{number}\n"]
        at = end.end()
    return _QUESTION_ECHO.sub("", "".join([*kept, text[at:]]))


def _without_quotes(text: str) -> str:
    for quotes in _QUOTES:
        whole = quotes.fullmatch(text.strip().rstrip("。.!"))
        text = whole.group(1) if whole else quotes.sub(_quoted, text)
    return text


def _quoted(found: re.Match[str]) -> str:
    inner = found.group(1)
    is_key = found.string[found.end() : found.end() + 2].lstrip().startswith(":")
    return f" {inner} " if is_key or _names(inner) else _QUOTED


def _without_markup(text: str) -> str:
    text = _TAG.sub("\n", _ANSWER_TAG.sub("\nanswer: ", text))
    text = _PARENTHESES.sub(_bracketed, _BULLET.sub("", text))
    return _ARROW.sub(":", _MARKUP.sub(" ", text))


def _bracketed(found: re.Match[str]) -> str:
    inner = found.group(1)
    return f" {inner} " if len(inner) <= 4 or _names(inner) else f",{inner},"


def _names(text: str) -> bool:
    return is_name(_LOOSE.sub("", _MARKUP.sub("", text).strip()))
