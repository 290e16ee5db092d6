r"""Keep text that a data set or a model wrote inside one block that it cannot leave.

All untrusted fields of a call go into one JSON object on one line, between two boundary lines that
carry a code drawn for this call. Inside the object, the characters that boundaries, markup and
role tokens are made of, and all control and format characters, are written as ``\uXXXX``: the
text stays exactly recoverable, and nothing in it can look like a boundary. Whether a model obeys
what it reads in there is another matter; see SECURITY.md for what is promised.
"""

import json
import re
import unicodedata
from collections.abc import Mapping

POLICY = "material-1"
"""Version of the layout; part of every content key, since a new layout may move scores."""

_STRUCTURAL = frozenset("<>[]`")
_ESCAPED_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_BLOCK = re.compile(
    r"^<<<MATERIAL (?P<nonce>[0-9a-f]{16}) BEGIN>>>\n(?P<body>[^\n]*)\n"
    r"<<<MATERIAL (?P=nonce) END>>>$"
)
_PLAIN = re.compile(r"[ -;=?-Z\\^_a-z{|}~\u4e00-\u9fff\u3001-\u301c\uff01-\uff5e]*")
"""Text in which no character needs a look: ASCII without the structural ones, and Chinese."""


def contain(fields: Mapping[str, str], *, nonce: str) -> str:
    r"""Write untrusted fields as one block.

    Parameters
    ----------
    fields : mapping of str to str
        Names are ours, values are not. At least one.
    nonce : str
        16 lower-case hexadecimal digits that the writers of the values cannot know.

    Returns
    -------
    str
        Three lines: boundary, one JSON object, boundary.

    Raises
    ------
    ValueError
        If the nonce is malformed, or occurs in a value.

    Examples
    --------
    >>> print(contain({"response": "<b>"}, nonce="0123456789abcdef"))
    <<<MATERIAL 0123456789abcdef BEGIN>>>
    {"response": "\u003cb\u003e"}
    <<<MATERIAL 0123456789abcdef END>>>
    """
    if not re.fullmatch(r"[0-9a-f]{16}", nonce):
        raise ValueError(f"nonce must be 16 lower-case hexadecimal digits, got {nonce!r}.")
    if any(nonce in value for value in fields.values()):
        raise ValueError("the nonce occurs in the material; draw another.")
    body = _escape(json.dumps(dict(fields), ensure_ascii=False))
    return f"<<<MATERIAL {nonce} BEGIN>>>\n{body}\n<<<MATERIAL {nonce} END>>>"


def reveal(block: str) -> dict[str, str]:
    """Read a block back, byte for byte.

    Raises
    ------
    ValueError
        If the text is not one whole block.
    """
    match = _BLOCK.match(block)
    if match is None:
        raise ValueError("not one block of material.")
    return json.loads(match["body"])


def _escape(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    return "".join(_escape_character(character) for character in text)


def _escape_character(character: str) -> str:
    if character in _STRUCTURAL or unicodedata.category(character) in _ESCAPED_CATEGORIES:
        units = character.encode("utf-16-be", "surrogatepass")
        return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))
    return character
