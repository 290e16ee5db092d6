"""An answer in one plain form, with a mark for each name of a reply.

What goes: invisible and combining characters, thoughts in tags of any name, a repeated prompt,
quoted passages, tables, text struck out, markup. A decision in JSON, in an answer tag or in a box
becomes a line of its own that begins with 最终答案.
"""

import re
from collections.abc import Callable
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
_THOUGHT_END = re.compile(
    rf"(?:</|\[/|◁/|<\|end_of_){_THOUGHT}[>\]▷]|<\|channel\|>final<\|message\|>"
)
_THOUGHT_START = re.compile(rf"[<\[◁]{_THOUGHT}[>\]▷]|<\|channel\|>analysis")
_ANSWER_TAG = re.compile(
    r"<(?:final[_ -]?)?(?:answer|choice|verdict|final|output|result|conclusion|答案|选择|结论)>"
    r"|\\boxed\{(?:\\text\{)?"
)
_FIELD = re.compile(r"""["']([^"'\n]{1,40})["'] ?: ?\[? ?["']?([^"',\]}\n]{1,40})""")
_FOR = re.compile(
    "^(?!.*(?:unsafe|harmful|reject|worse|worst|loser|not_|不|差|淘汰))(?=.*(?:choice|chosen|answer"
    "|better|best|safer|winner|prefer|select|verdict|decision|final|pick|rank|prediction|result"
    "|label|选|答|更好|更优|结论|胜|判断|最佳))"
)
_TIES: Final = frozenset({"tie", "neither", "both", "none", "equal", "平局", "都好", "都不好"})
_QUOTES = re.compile(
    r"""“([^“”]*)”|「([^「」]*)」|『([^『』]*)』|"([^"\n]*)"|(?<![\w'])'([^'\n]*)'(?!\w)"""
)
_MARKUP = re.compile('[\\[\\]{}【】\u3014\u3015〖〗()*_~#^|`$"“”「」『』\\\\]')
_WIDE = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\u3001-\u303f"

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
_NAMED_OR_ANAPHOR = re.compile(
    rf"[{FIRST}{SECOND}]|(?P<former>前者|前(?:面[的那这]?|一){_ORDER}{_NOUN}?"
    rf"|(?:the )?former(?: one| {_EN})?(?![a-z]))"
    rf"|后者|后(?:面[的那这]?|一){_ORDER}{_NOUN}?|(?:the )?latter(?: one| {_EN})?(?![a-z])"
)
_PAIR = re.compile(
    rf"(?:这)?(?:两|二){_ORDER}(?:{_NOUN})?|[两二]者|双方|(?:the|these) two(?: {_EN}s?| replies)?"
    rf"|both(?: of them| replies| {_EN}s?|(?= are))|(?<![a-z])they(?= are)"
    rf"|[{FIRST}{SECOND}] ?(?:[和与跟及、/]|以及|还是|或者?|, ?(?=.[都均皆])|and|or|&|vs\.?)"
    rf" ?[{FIRST}{SECOND}]"
    r"|(?<![a-z0-9])[12ab] ?(?:[和与或/]|还是|and|or) ?[12ab](?![a-z0-9])"
)
_TWICE = re.compile(rf"([{FIRST}{SECOND}])(?:[ ,:]*\1)+")
_BLANK = re.compile(rf" ?([{FIRST}{SECOND}{BOTH}]) ?")
_MARKS: Final = ("", FIRST, SECOND)
_ONES: Final = frozenset((FIRST, *"1一甲a", "one", "first", "1st"))
_TWOS: Final = frozenset((SECOND, *"2二乙b", "two", "second", "2nd"))


def normalize(text: str) -> str:
    """Give the text that is read, in lower case; its length is bounded by ``MAX_READ``."""
    text = _THOUGHT_START.split(_THOUGHT_END.split(_plain(_clipped(text)))[-1])[0]
    text = _own_lines(_changed(text, _TO_OWN_WORDS))
    whole = _QUOTES.fullmatch(text.strip().rstrip("。.!"))
    text = whole[whole.lastindex or 0] if whole else _QUOTES.sub(_quoted, text)
    text = _RANKED.sub(_ranked, text) if _RANKING.search(text) else text
    text = _HEADING.sub(_headed, text) if "\n" in text.strip() else text
    return mark_names(_changed(text, _TO_PLAIN_WORDS).replace("n't", " not").strip())


def mark_names(text: str) -> str:
    """Put a mark for each name in a text in lower case; blanks beside marks go."""
    text = _NAMES.sub(lambda found: _MARKS[_number(found[found.lastindex or 0])], text)
    if any(word in text for word in ("前", "后", "former", "latter")):
        text = _resolved(text)
    text = _TWICE.sub(r"\1", text)
    return _BLANK.sub(r"\1", _PAIR.sub(BOTH, text))


def number_of(text: str) -> int:
    """Give 1 or 2 for a text that is the name of a reply and nothing else, or 0.

    Examples
    --------
    >>> number_of("回复2"), number_of("A"), number_of("first"), number_of("回复2更好")
    (2, 1, 1, 0)
    """
    return _number(mark_names(text.strip().lower())) if 0 < len(text) <= MAX_NAME else 0


def _number(name: str) -> int:
    return 1 if name in _ONES else 2 * (name in _TWOS)


def _resolved(text: str) -> str:
    """Give former and latter the replies they mean: the two last named, in the order of naming."""
    named: list[str] = []

    def resolve(found: re.Match[str]) -> str:
        mark = found.group()
        if mark not in {FIRST, SECOND}:
            pair = named[-2:] if len(named) > 1 else [FIRST, SECOND]
            return pair[0 if found["former"] else 1]
        if named[-1:] != [mark]:
            named.append(mark)
        return mark

    return _NAMED_OR_ANAPHOR.sub(resolve, text)


def _clipped(text: str) -> str:
    half = MAX_READ // 2
    return text if len(text) <= MAX_READ else f"{text[:half]}\n{text[-half:]}"


def _plain(text: str) -> str:
    # Normalisation sorts runs of combining marks in quadratic time, so they go first.
    unseen = (mark for mark in set(text) if category(mark)[0] in "CM" and not mark.isspace())
    text = _clipped(normalize_form("NFKC", text.translate(dict.fromkeys(map(ord, unseen)))))
    lines = "\n".join(text.lower().translate(_SIMPLE).splitlines())
    return _changed(lines.replace("...", "。"), _BLANKS)


def _own_lines(text: str) -> str:
    """Drop quoted lines, unless all are quoted or the last one is a name: that is the answer."""
    lines = text.strip().split("\n")
    own = [line for line in lines if not line.lstrip().startswith(">")]
    last = lines[-1].strip("> *[]【】")
    kept = [*own, last] if len(own) < len(lines) and number_of(last) else own
    return "\n".join(kept or [line.strip("> ") for line in lines])


def _decisions(found: re.Match[str]) -> str:
    """Put a line for each decision in an object: the first value of a key that decides."""
    lines = [""]
    for key, value in _FIELD.findall(found.group()):
        name = _named(value)
        if _FOR.search(key) and (name or value.strip() in _TIES):
            lines.append(f"最终答案:{_MARKS[name] or '平局'}")
    return "\n".join([*lines, ""]) if len(lines) > 1 else found.group()


def _quoted(found: re.Match[str]) -> str:
    inner = found[found.lastindex or 0]
    is_key = found.string[found.end() : found.end() + 2].lstrip().startswith(":")
    return f" {inner} " if is_key or _named(inner) else " 引文 "


def _ranked(found: re.Match[str]) -> str:
    both = {_named(found[1]), _named(found[2])}
    return f"最终答案:{found[1]}" if both == {1, 2} else found.group()


def _headed(found: re.Match[str]) -> str:
    # A name alone in a heading or a list heads what follows: it is no answer.
    heads = _named(found[1]) and found.string[found.end() :].strip()
    return f"{found[1]}:" if heads else found[1]


def _bracketed(found: re.Match[str]) -> str:
    return f" {found[1]} " if len(found[1]) <= 2 or _named(found[1]) else f",{found[1]},"


def _named(text: str) -> int:
    return number_of(_MARKUP.sub("", text)) if 0 < len(text) <= MAX_NAME else 0


_Steps = list[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]]


def _changed(text: str, steps: _Steps) -> str:
    for pattern, change in steps:
        text = pattern.sub(change, text)
    return text


_RANKING = re.compile(r"排名|排序|名次|由好到坏|从好到差|rank|best to worst")
_RANKED = re.compile(r"^ ?1[.、)] ?([^\n]{1,30})\n+ ?2[.、)] ?([^\n]{1,30})$", re.MULTILINE)
_HEADING = re.compile(r"^ ?(?:#{1,6}|[-•·+]|\*(?!\*)|\d{1,2}[.、)]) ?([^\n]+)$", re.MULTILINE)
# Runs of blanks go first: every later pattern may then allow for blanks at no cost.
_BLANKS: _Steps = [
    (re.compile(r"[ \t]+"), " "),
    (re.compile(rf"(?<=[{_WIDE}]) | (?=[{_WIDE}])"), ""),
]
_TO_OWN_WORDS: _Steps = [
    # A pair of tags that neither gives an answer nor a format holds thoughts under another name.
    (re.compile(rf"(?!{_ANSWER_TAG.pattern})<([a-z][\w-]{{3,30}})>[^<]*</\1>"), "\n"),
    (re.compile(r"</?(?:strong|span|code|pre|div|h[1-6]|[a-z]{1,2})/?>|<\|[^|<>\n]{1,40}\|>"), ""),
    (re.compile(r"[\[【]((?:回复|reply) ?[12ab])[\]】] ?:(?:(?![\[【](?:回复|reply)).)*[\[【]"
                r"(?:\1 ?结束|end of \1)[\]】]", re.DOTALL), "\n"),
    (re.compile(r"[\[【](?:回复[12ab]结束[\]】]|(?:问题|question)[\]】] ?:[^\n]*)"), "\n"),
    (re.compile(r"\{[^{}]*\}"), _decisions),
    (re.compile(r"~~[^~\n]*~~|^[^\n|]*\|[^\n|]*\|[^\n]*$", re.MULTILINE), ""),
    (_ANSWER_TAG, "\n最终答案:"),
    (re.compile(r"</[^>\n]{1,30}>"), "\n"),
]  # fmt: skip
_TO_PLAIN_WORDS: _Steps = [
    (re.compile(r"\(([^()\n]*)\)"), _bracketed),
    (_MARKUP, " "),
    (re.compile(r"can(?:'t| not)\b"), "cannot"),
    (re.compile(r"\bwon't\b"), "will not"),
    *_BLANKS,
    (re.compile(r"(?<=[。!?;]) ?[12][.、)] ?(?=\S)"), ""),
    (re.compile(r"(?<=[,。!?.;\n]) ?(?:哦|啊|嗯|oh )?(?:不|no)(?=[,。!.])"), "更正"),
]  # fmt: skip
