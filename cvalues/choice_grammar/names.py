"""Find what names one of the two replies, and put one mark in the place of every such name.

Names are 回复1, 第一个回答, 前者, Reply 2, option B, the latter, and a digit or letter alone where
only a reply can be meant. A digit in PM2.5, the article in "a reply", "first" as in "firstly" and
the numbers of a list are no names.
"""

import re
from typing import Final

FIRST: Final = "\ue001"
SECOND: Final = "\ue002"
"""Marks of a named reply."""
BESIDE_FIRST: Final = "\ue003"
BESIDE_SECOND: Final = "\ue004"
"""Marks of a reply that the other one is held against: 与回复2相比, compared to reply 2."""
PAIR: Final = "\ue005"
"""Mark of both replies named together."""
_FORMER, _LATTER = "\ue006", "\ue007"

_ANY = f"[{FIRST}{SECOND}]"
_ONE = frozenset("1一Aa甲")
_NOUN = "(?:回复|回答|答复|回应|反馈|应答|响应|选项|答案|方案)"
_EN_NOUN = "(?:reply|response|answer|option|choice|candidate|assistant|output|completion)"
_DIGIT_END = r"(?![0-9]|[.,][0-9]|[条次遍封天个位人页万千百月%点](?!之)|小时|分钟|年(?!轻))"
_WORD_END = "(?![下个些样般定直起种条句致次位切旦方面人者十])"
_VERB = (
    "(?:is|was|are|seems|because|since|as|over|than|and|or|provides|offers|gives|would|should|"
    "has|does|beats|wins|it)"
)
_LETTER_END = (
    r"(?![A-Za-z0-9]|[.'][A-Za-z0-9]|-[A-Za-z])"
    rf"(?= ?(?:[^ A-Za-z]|$)| {_VERB}\b)"
)
_PREDICATE = r"(?=[更比较最不是好优明显也都要会的,。;!?\n因胜而吧呢为略稍.]|$)"
_EN_PREDICATE = (
    r"(?= ?(?:[.,;:!?\n]|$)| (?:is|was|has|seems|provides|offers|gives|would|should|because|over|"
    r"does|looks|appears)\b)"
)

_NAMES = re.compile(
    r"(?=[回答反应响选方第12ABA-Za-z])(?:"
    rf"{_NOUN}第?(?:([12]){_DIGIT_END}|([一二]){_WORD_END}|([甲乙])|([ABab]){_LETTER_END})号?"
    rf"|第([一二12])[个条种则份项段篇]?{_NOUN}"
    rf"|第([一二12])[个条种则份项段篇]{_PREDICATE}"
    rf"|(?<![A-Za-z0-9.])([12AB])(?:号{_NOUN}?|选项|回复|回答|答复)(?![A-Za-z0-9])"
    rf"|(?<![A-Za-z])(?i:{_EN_NOUN}) ?(?i:no\.? ?|number ?)?"
    rf"(?:([12]){_DIGIT_END}|((?i:one|two))(?![A-Za-z]| of)|([ABab]){_LETTER_END})"
    rf"|(?<![A-Za-z])(?i:the )?((?i:first|second|1st|2nd)) (?i:one|{_EN_NOUN})(?![A-Za-z])"
    rf"|(?<![A-Za-z])(?i:the) ((?i:first|second)){_EN_PREDICATE})"
)
_AFTER_VERB = re.compile(
    r"(?P<before>(?:选择?|推荐|答案|选项|倾向于?|支持|[是为:><比于]|不如|"
    r"\b(?i:pick|choose|select|prefer|recommend|answer is|choice is|go with|is|than|over)) ?)"
    rf"(?P<name>[12](?![.、)][^\n\d]){_DIGIT_END}(?![-~+*/A-Za-z]|、\d)|[AB]{_LETTER_END})"
)
_AFTER_NAME = re.compile(
    rf"(?P<before>{_ANY} ?(?:[和与或/]|还是|(?:and|or)\b) ?)(?P<name>[12AB])(?![\w.])"
)
_BEFORE_VERB = re.compile(
    r"(?P<before>^|[\n,。;:!?.] ?|[为得看以此而但选么]|"
    r"\b(?i:that|think|believe|so|overall|because|and|while|but|therefore) )"
    r"(?P<name>[12AB])(?= ?(?:更|比(?!如|例)|优于|不如|好于|胜|较|[<>])|"
    r" (?:is (?:the )?(?:clearly |much )?(?:more|less|better|best|worse|worst|safer|preferable|"
    r"superior|inferior)|beats|over|wins)\b)",
    re.MULTILINE,
)
_LINE = re.compile(r"^(?P<before> ?)(?P<name>[12ABab])(?= ?[.)。,、:!]* ?$)", re.MULTILINE)
_OPENING = re.compile(r"\A(?P<before> ?)(?P<name>[12](?= ?[,。;:\n])|[AB](?= ?[,.。;:、\n]))")
_LETTER_LIST = re.compile("[\n。;.] ?[AB] ?[,.。;:、]")
_ANAPHOR = re.compile(
    rf"(?:(?P<former>前者|前一[个条种段则篇]{_NOUN}?|前面[的那]个?{_NOUN}|"
    rf"(?:the )?former(?: one| {_EN_NOUN})?)"
    rf"|后者|后一[个条种段则篇]{_NOUN}?|后面[的那]个?{_NOUN}|"
    rf"(?:the )?latter(?: one| {_EN_NOUN})?)(?![a-z])",
    re.IGNORECASE,
)
_TWICE = re.compile(rf"({_ANY})(?: ?\1| ?, ?\1 ?,)+")
_BESIDE = re.compile(
    rf"[与和跟同]({_ANY})(?:相比较?|相较|比较起来|比起来|对比)(?:而言|来看|来说|之下)?"
    rf"|(?:较之|相较于?|相比于?|相比之下|相对于?|比起)({_ANY})"
    rf"|(?:when |as )?(?:compared|relative|in comparison|in contrast) (?:to|with) ({_ANY})"
    rf"|unlike ({_ANY})"
)
_JOINED = re.compile(
    rf"({_ANY}) ?(?:和|与|跟|及|以及|、|或者?|还是|,? ?(?:and|or)\b|&|/|vs\.?) ?(?!\1){_ANY}"
    rf"|({_ANY}) ?, ?(?!\2){_ANY}(?= ?[都均皆])"
)
_MARK = re.compile(f"[{FIRST}{SECOND}{_FORMER}{_LATTER}]")
_ALONE = re.compile("[12ABab]")


def mark_names(text: str) -> str:
    """Put marks for names; the rest comes back in lower case.

    Parameters
    ----------
    text : str
        From `cleaning.clean`: without private-use characters, blanks single.
    """
    text = _NAMES.sub(_named, text)
    text = _LINE.sub(_placed, text)
    if not _LETTER_LIST.search(text):
        # A letter that opens an answer is the answer, whatever is said after it.
        text = _OPENING.sub(lambda found: f"{_placed(found)}。", text)
    for pattern in (_BEFORE_VERB, _AFTER_VERB, _AFTER_NAME):
        text = pattern.sub(_placed, text)
    text = _ANAPHOR.sub(lambda found: _FORMER if found.group("former") else _LATTER, text)
    text = _TWICE.sub(r"\1", _resolved(text.lower()))
    return _JOINED.sub(PAIR, _BESIDE.sub(_beside, text))


def is_name(text: str) -> bool:
    """Whether a text is the name of a reply and nothing else.

    Examples
    --------
    >>> is_name("回复2"), is_name("B"), is_name("回复2更好")
    (True, True, False)
    """
    text = text.strip()
    return any(pattern.fullmatch(text) for pattern in (_NAMES, _ANAPHOR, _ALONE))


def _named(found: re.Match[str]) -> str:
    return _mark(next(group for group in found.groups() if group))


def _placed(found: re.Match[str]) -> str:
    return found.group("before") + _mark(found.group("name"))


def _mark(word: str) -> str:
    return FIRST if word[0] in _ONE or word.lower() in {"one", "first", "1st"} else SECOND


def _resolved(text: str) -> str:
    """Give former and latter the reply they mean: the two last named, in the order of naming."""
    former, latter = FIRST, SECOND
    last = ""

    def resolve(found: re.Match[str]) -> str:
        nonlocal former, latter, last
        mark = found.group()
        if mark in {_FORMER, _LATTER}:
            return former if mark == _FORMER else latter
        if last and mark != last:
            former, latter = last, mark
        last = mark
        return mark

    return _MARK.sub(resolve, text)


def _beside(found: re.Match[str]) -> str:
    mark = next(group for group in found.groups() if group)
    return BESIDE_FIRST if mark == FIRST else BESIDE_SECOND
