"""An answer in one plain form, with a mark for each name of a reply.

What goes: invisible and combining characters, thoughts in tags, a repeated prompt, quoted
passages, text struck out, markup. What an answer tag or a box holds becomes a line of its own that
begins with 最终答案.
"""

import re
from collections.abc import Callable
from itertools import groupby
from typing import Final
from unicodedata import category
from unicodedata import normalize as normalize_form

FIRST, SECOND, BOTH = "\ue001", "\ue002", "\ue003"
"""Marks that stand for a reply that is named, and for both."""

# Of a longer answer the first and the last half of this is read: there a choice stands.
MAX_READ: Final = 12_000
MAX_NAME: Final = 40

_SIMPLE = str.maketrans(
    "復覆選擇個後適較負責優於應該為評說這兩沒無與對認覺當險實專業詳細點題違別還過確區總結論視觀見體讓勝’\u02bc",
    "复复选择个后适较负责优于应该为评说这两没无与对认觉当险实专业详细点题违别还过确区总结论视观见体让胜''",
)
_THOUGHT = "[a-z_:|-]{0,20}(?:think|thought|reason|analy|scratch|reflect|思考|推理)[a-z_:|-]{0,20}"
# Before the last of these stands what is not the answer's own: thoughts, and a repeated prompt.
_OWN_START = re.compile(
    rf"(?:</|\[/|◁/|<\|end_of_){_THOUGHT}[>\]▷]|<\|channel\|>final<\|message\|>"
    r"|[\[【](?:回复[12ab]结束|end of reply [12ab])[\]】]"
)
_OWN_END = re.compile(rf"[<\[◁]{_THOUGHT}[>\]▷]|<\|channel\|>analysis")
_QUOTES = re.compile(
    r"""“([^“”]*)”|「([^「」]*)」|『([^『』]*)』|"([^"\n]*)"|(?<![\w'])'([^'\n]*)'(?!\w)"""
)
_MARKUP = re.compile('[ \\[\\]{}【】\u3014\u3015〖〗()*_~#^|`$"“”「」『』\\\\]+')
_WIDE = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\u3001-\u303f"
_WIDE_BLANK = re.compile(rf" (?=[{_WIDE}])|(?<=[{_WIDE}]) ")

# Names of the replies: 回复1, 第一个回答, 2号, 前者, Reply 2, option B, the latter, 1️⃣.
_NOUN = "(?:回复|回答|答复|回应|反馈|应答|响应|选项|答案|方案|候选)"
_EN = "(?:reply|response|answer|option|choice|candidate|assistant|output|completion)"
_END = r"(?![0-9]|[.,][0-9]|[条次遍封天位页万千百月%点](?!之)|小时|分钟)"
_WORD_END = "(?![下些样般定直起种句致次位切旦方面人者十])"
_LETTER_END = r"(?![a-z0-9]|[.'][a-z0-9]|-[a-z])"
_ORDER = "[个条种则份项段篇款]"
_NAMES = re.compile(
    rf"{_NOUN} ?第?(?:([12]){_END}|([一二]){_WORD_END}|([甲乙ab]){_LETTER_END})号?"
    rf"|第([一二12]){_ORDER}{_NOUN}?"
    rf"|(?<![a-z0-9.第])([12甲乙ab一二])(?:号{_NOUN}?|{_NOUN}|项)(?![a-z0-9一二甲乙])"
    rf"|(?<![a-z])(?:the )?(?:{_EN}|number|no\.|#)(?: ?no\.?| ?number)? ?#?:?"
    rf"(?:([12]){_END}|(one|two)(?![a-z]| of)|([ab]){_LETTER_END})"
    rf"|(?<![a-z])(?:the (?:[a-z]+'s )?)?(first|second|1st|2nd) (?:one|{_EN})(?![a-z])"
    r"|(?<![a-z])the (first|second|1st|2nd)(?![a-z])"
)
NAMED = re.compile(f"[{FIRST}{SECOND}]")
_FORMER, _LATTER = (
    re.compile(rf"{one}者|{one}(?:面[的那这]?|一){_ORDER}{_NOUN}?|{en}(?: one| {_EN})?\b")
    for one, en in (("前", "former"), ("后", "latter"))
)
_PAIR = re.compile(
    rf"[两二](?:者|{_ORDER}{_NOUN}?)|双方|(?:the|these) two(?: {_EN}s?| replies)?"
    rf"|both(?: of them| replies| {_EN}s?|(?= are))|(?<![a-z])they(?= are)"
    rf"|[{FIRST}{SECOND}] ?(?:[和与跟及、/]|以及|还是|或者?|, ?(?=. ?[都均皆])|and|or|&|vs\.?)"
    rf" ?[{FIRST}{SECOND}]"
    r"|(?<![a-z0-9])[12ab] ?(?:[和与或/]|还是|and|or) ?[12ab](?![a-z0-9])"
)
_MARKS: Final = ("", FIRST, SECOND)
_ONES: Final = frozenset((FIRST, *"1一甲a", "one", "first", "1st"))
_TWOS: Final = frozenset((SECOND, *"2二乙b", "two", "second", "2nd"))


def normalize(text: str) -> str:
    """Give the text that is read, in lower case; its length is bounded by ``MAX_READ``."""
    text = _OWN_END.split(_OWN_START.split(_plain(_clipped(text)))[-1])[0].strip("。.! \n")
    lines = text.split("\n")
    own = [line.lstrip("> ") for line in lines if line[:1] != ">" or number_of(line)]
    text = "\n".join(own) or text.replace(">", "")
    for pattern, change in _STEPS:
        text = pattern.sub(change, text)
    return mark_names(text.strip())


def mark_names(text: str) -> str:
    """Put a mark for each name in a text in lower case."""
    text = _NAMES.sub(lambda found: _MARKS[number(found[found.lastindex or 0])], text)
    if start := _FORMER.search(text) or _LATTER.search(text):
        # Former and latter are the two last named before them, in the order of naming.
        named = [mark for mark, _ in groupby(NAMED.findall(text[: start.start()]))][-2:]
        former, latter = named if len(named) > 1 else (FIRST, SECOND)
        text = _LATTER.sub(latter, _FORMER.sub(former, text))
    return _PAIR.sub(BOTH, text)


def number_of(text: str) -> int:
    """Give 1 or 2 for a text that is the name of a reply, with marks around it or none, or 0.

    Examples
    --------
    >>> number_of("回复2"), number_of("**A**."), number_of("first"), number_of("回复2更好")
    (2, 1, 1, 0)
    """
    if len(text) > MAX_NAME:
        return 0
    return number(mark_names(_MARKUP.sub(" ", text).strip(" >\t\r\n.,!。，！\u3000").lower()))


def number(name: str | None) -> int:
    """Give 1 or 2 for a mark, or for what tells a reply in its name; 0 for all else."""
    return 1 if name in _ONES else 2 * (name in _TWOS)


def _clipped(text: str) -> str:
    half = MAX_READ // 2
    return text if len(text) <= MAX_READ else f"{text[:half]}\n{text[-half:]}"


def _plain(text: str) -> str:
    text = "\n".join(text.replace("\t", " ").splitlines())
    # Normalisation sorts runs of combining marks in quadratic time, so they go first.
    if unseen := {ord(mark) for mark in set(text) - {"\n"} if category(mark)[0] in "CM"}:
        text = text.translate(dict.fromkeys(unseen))
    text = _clipped(normalize_form("NFKC", text)).lower().translate(_SIMPLE)
    # Runs of blanks go first: every later pattern may then allow for one blank at no cost.
    return _WIDE_BLANK.sub("", re.sub(" {2,}", " ", text))


def _quoted(found: re.Match[str]) -> str:
    """Leave out a passage in quotation marks, unless it is a name or a key."""
    inner = found[found.lastindex or 0]
    is_key = found.string[found.end() : found.end() + 2].lstrip().startswith(":")
    return f" {_MARKS[number_of(inner)] or (inner if is_key else '引文')} "


def _headed(found: re.Match[str]) -> str:
    """Let a name that stands alone in a heading or a list head what follows: it is no answer."""
    heads = number_of(found[1]) and "\n" in found.string
    return f"{found[1]}:" if heads else found[1]


_ANSWER_TAG = re.compile(
    r"<(?:final[_ -]?)?(?:answer|choice|verdict|final|output|result|conclusion|答案|选择|结论)>"
    r"|\\boxed\{(?:\\text\{)?"
)
_RANKED = re.compile(r"(?:排名|排序|rank)[^\n]*\n+ ?1[.、)] ?([^\n]{1,30})\n+ ?2[.、)]")
_HEADING = re.compile(r"^ ?(?:#{1,6}|[-•·+](?!>)|\*(?!\*)|\d{1,2}[.、)]) ?([^\n]+)$", re.MULTILINE)
_STEPS: Final[tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...]] = (
    (re.compile("~~[^~\n]*~~"), ""),
    (_ANSWER_TAG, "\n最终答案:"),
    (re.compile(r"</?[a-z][^<>\n]{0,30}>|<\|[^|<>\n]{1,40}\|>"), " "),
    (_RANKED, "\n最终答案:\\1\n"),
    (re.compile(r"""\A["'“「『]([^"“”「」『』]*)["'”」』]\Z"""), r"\1"),
    (_QUOTES, _quoted),
    (_HEADING, _headed),
    (re.compile(r"\(([^()\n]{5,})\)"), r",\1,"),
    (_MARKUP, " "),
    (re.compile(r"(?<=[。!?;]) ?[12][.、)] ?(?=\S)"), ""),
    (re.compile("n't"), " not"),
)
