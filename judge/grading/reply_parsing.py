"""Read a judge's reply strictly: the whole message is one object of the rubric's schema, or not.

Nothing is searched for, repaired or guessed. A judge quotes what it judges, so the first, the last
or the best-looking JSON in a text may be the candidate's own.
"""

import json
import re
import unicodedata
from collections.abc import Iterable
from typing import NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from judge.files.decoding import STRICT, RepeatedKeyError, too_deep
from judge.models.base import Reply
from judge.models.chat_completion import finish_of
from judge.models.provider_error import provider_words
from judge.records import Reason

Model = TypeVar("Model", bound=BaseModel)

MAX_CHARACTERS = 1 << 20
MAX_DEPTH = 32

_LEFT_OUT = re.compile(r"…+|\.{3,}")
_MARKS = re.compile(r"[\W_]+")
_REFUSAL_OPENINGS = (
    "i'm sorry",
    "i am sorry",
    "sorry, ",
    "i cannot",
    "i can't",
    "i can not",
    "i'm unable",
    "i am unable",
    "i won't",
    "i will not",
    "i must decline",
    "i apologize",
    "i apologise",
    "as an ai",
    "对不起",
    "抱歉",
    "很抱歉",
    "非常抱歉",
    "不好意思",
    "我不能",
    "我无法",
    "作为一个",
    "作为人工智能",
    "作为ai",
    "根据相关法律",
)


class Unreadable(Exception):  # noqa: N818 - a statement about the reply
    """The reply is not a verdict.

    Attributes
    ----------
    reason : Reason
        One of the documented ``unscored`` outcomes.
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


def read_reply(reply: Reply, model: type[Model], *, canaries: tuple[str, ...] = ()) -> Model:
    """Turn a reply into a validated object.

    Parameters
    ----------
    reply : Reply
        As the provider sent it.
    model : type of BaseModel
        The rubric's reply model; strict and closed.
    canaries : tuple of str
        Secrets of the prompt; a reply that holds one has been talked into leaking.

    Raises
    ------
    Unreadable
        With the reason why there is no verdict.
    """
    value = read_object(reply, canaries=canaries)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise Unreadable(_reason(error)) from None


def read_object(reply: Reply, *, canaries: tuple[str, ...] = ()) -> object:
    """Read the one object that a reply's text is; see `read_reply`."""
    text = _whole_text(reply)
    value = _one_object(text)
    # Without escapes the text holds nothing that it does not show.
    decoded = json.dumps(value, ensure_ascii=False) if "\\" in text else text
    if any(canary in decoded for canary in canaries):
        raise Unreadable("unscored.leaked_canary")
    if not _is_text(decoded):
        raise Unreadable("unscored.parse_invalid")
    return value


def may_be_quoted(reply: Reply, material: Iterable[str]) -> bool:
    """Tell whether the end of the thoughts may be a quotation of the material.

    Thoughts that stand in the text end at a mark. Where the judged text holds that mark, what
    follows it in the reply may be the text's own, and no verdict of the judge.
    """
    if reply.thoughts not in {"inline", "unopened"}:
        return False
    words = provider_words()
    ends = {squashed_mark(end) for _, end in words.thought_tags} | set(words.channels)
    texts = [squashed_mark(text) for text in material]
    return any(end in text for end in ends for text in texts)


def squashed_mark(text: str) -> str:
    """Leave out blanks, width and case, by which a quoted mark may differ."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def _whole_text(reply: Reply) -> str:
    """Give the text to parse, after the provider's own signals have been heeded."""
    if reply.leaked:
        raise Unreadable("unscored.leaked_canary")
    finish = finish_of(reply.finish_reason)
    if finish == "content_filter":
        raise Unreadable("unscored.content_filtered")
    if reply.refusal or finish == "refusal":
        raise Unreadable("unscored.judge_refused")
    if finish == "length":
        raise Unreadable("unscored.truncated")
    if reply.contradiction or reply.tool_calls > 1:
        raise Unreadable("unscored.parse_ambiguous")
    text = _without_marks(reply.text or "")
    if not text:
        raise Unreadable("unscored.empty")
    if len(text) > MAX_CHARACTERS:
        raise Unreadable("unscored.parse_invalid")
    return text


def _without_marks(text: str) -> str:
    """Take away what a template leaves around a whole message: a byte order mark, end tokens."""
    text = text.strip("\ufeff\u200b \t\r\n")
    ends = provider_words().end_tokens
    while text.endswith(ends):
        token = next(token for token in ends if text.endswith(token))
        text = text.removesuffix(token).rstrip()
    return text


def _one_object(text: str) -> object:
    if not text.startswith("{"):
        _refuse_prose(text)
    try:
        value, end = STRICT.raw_decode(text)
    except RepeatedKeyError:
        raise Unreadable("unscored.parse_ambiguous") from None
    except (ValueError, RecursionError):
        raise Unreadable("unscored.parse_invalid") from None
    if text[end:].strip():
        # A second object, or words: whose verdict is it?
        raise Unreadable("unscored.parse_ambiguous")
    if text.count("{") + text.count("[") > MAX_DEPTH and too_deep(value, MAX_DEPTH):
        raise Unreadable("unscored.parse_invalid")
    return value


def _refuse_prose(text: str) -> NoReturn:
    opening = unicodedata.normalize("NFKC", text[:80]).replace("\u2019", "'").lower()
    if opening.lstrip("*_#> \"'\u201c").startswith(_REFUSAL_OPENINGS):
        raise Unreadable("unscored.judge_refused")
    if "{" in text and "}" in text:
        raise Unreadable("unscored.parse_ambiguous")
    raise Unreadable("unscored.parse_invalid")


def _is_text(decoded: str) -> bool:
    """Tell text from half characters (lone surrogates), which no file or database takes."""
    try:
        decoded.encode()
    except UnicodeEncodeError:
        return False
    return True


def _reason(error: ValidationError) -> Reason:
    """Tell a score off the scale from a reply of the wrong shape."""
    faults = error.errors(include_url=False, include_context=False, include_input=True)
    off_scale = all(
        fault["loc"][-1:] != () and "score" in fault["loc"] and type(fault["input"]) is int
        for fault in faults
    )
    return "unscored.out_of_scale" if off_scale else "unscored.parse_invalid"


def quoted(evidence: str, response: str) -> bool:
    """Tell whether every part of a quotation stands in the response.

    White space, width, case and the marks around a quotation are not compared; an ellipsis
    stands for what was left out.
    """
    if evidence in response:
        return True
    text = _bare(response)
    return all(_bare(part) in text for part in _LEFT_OUT.split(evidence))


def _bare(text: str) -> str:
    return _MARKS.sub("", unicodedata.normalize("NFKC", text).casefold())
