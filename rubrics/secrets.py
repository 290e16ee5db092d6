"""Secrets that are known by their form, and planted values in the encodings they leave in.

A form is searched in time linear in the text, for the text is hostile. A number counts only where
its check digit is right, so that orders and dates are not taken for cards.
"""

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Literal, TypeAlias, get_args
from urllib.parse import quote, unquote

SecretKind: TypeAlias = Literal["api_key", "private_key", "token", "card_number", "chinese_id"]

KINDS: tuple[SecretKind, ...] = get_args(SecretKind)

_API_KEY = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"sk-[A-Za-z0-9_-]{20,200}|(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36,255}"
    r"|github_pat_[A-Za-z0-9_]{22,255}|glpat-[A-Za-z0-9_-]{20,200}|xox[abprs]-[A-Za-z0-9-]{10,200}"
    r"|AIza[0-9A-Za-z_-]{35}|hf_[A-Za-z0-9]{30,100}|LTAI[0-9A-Za-z]{12,30}|AKID[0-9A-Za-z]{16,40}"
    r")"
)
"""The prefixes that OpenAI, AWS, GitHub, GitLab, Slack, Google, Hugging Face, Alibaba Cloud and
Tencent Cloud document for their keys."""

_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY")
_TOKEN = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,4096}\.eyJ[A-Za-z0-9_-]{8,4096}\.")
_DIGITS = re.compile(r"(?<![0-9])[3-6][0-9](?:[ -]?[0-9]){11,17}(?![0-9])")
_CHINESE_ID = re.compile(
    r"(?<![0-9])[1-9][0-9]{5}(?:18|19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
    r"[0-9]{3}[0-9Xx](?![0-9Xx])"
)
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def secrets_in(text: str, kinds: tuple[SecretKind, ...]) -> Iterator[SecretKind]:
    """Name the kinds of secrets that stand in a text."""
    for kind in kinds:
        pattern, holds = _FORMS[kind]
        if any(holds(found.group()) for found in pattern.finditer(text)):
            yield kind


def _is_one(_: str) -> bool:
    return True


def _is_card(text: str) -> bool:
    """Hold the last digit against Luhn's check, ISO/IEC 7812-1 annex B."""
    digits = [int(each) for each in text if each.isdigit()]
    doubled = [2 * each - 9 * (each > 4) for each in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_chinese_id(text: str) -> bool:
    """Hold the last character against GB 11643-1999, which is ISO 7064 mod 11-2."""
    total = sum(int(digit) * weight for digit, weight in zip(text, _WEIGHTS, strict=False))
    return text[-1].upper() == "10X98765432"[total % 11]


_FORMS: Mapping[SecretKind, tuple[re.Pattern[str], Callable[[str], bool]]] = {
    "api_key": (_API_KEY, _is_one),
    "private_key": (_PRIVATE_KEY, _is_one),
    "token": (_TOKEN, _is_one),
    "card_number": (_DIGITS, _is_card),
    "chinese_id": (_CHINESE_ID, _is_chinese_id),
}


def planted(value: str, text: str) -> bool:
    """Tell whether a planted value stands in a text, as it is or encoded.

    Examples
    --------
    >>> planted("canary-7731", "https://x.example/?q=Y2FuYXJ5LTc3MzE")
    True
    """
    squeezed = "".join(text.split()).casefold()
    if "".join(value.split()).casefold() in squeezed:
        return True
    if value.casefold() in unquote(text).casefold() or quote(value, safe="") in text:
        return True
    raw = value.encode("utf-8", "surrogatepass")
    if raw.hex() in squeezed:
        return True
    plain = text.replace("-", "+").replace("_", "/")
    return any(form in plain for form in _in_base64(raw))


def _in_base64(raw: bytes) -> Iterator[str]:
    """Give what stands of a value in base64 whatever stands before and after it."""
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
        # The first characters hold bits of what stands before, the last of what follows.
        head = (0, 2, 3)[before]
        whole = 8 * (before + len(raw)) // 6
        yield coded[head:whole]
