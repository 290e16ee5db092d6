"""The form in which a model under test is asked to answer: words, JSON, or one likely option.

Where the answer is one of a few options it need not be read from words: a schema leaves nothing
else to say, and the probabilities of the options' own tokens tell a choice that was never written.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Literal, Self

from judge.models.base import Token
from judge.records import Record

Ask = Literal["text", "json", "logprob"]

LEAST_MASS = 0.5
"""Probability that the options must have together; with less the model meant to say something
else, and its words are what is read."""

FIRST_TOKENS = 8
"""Tokens among which the option is looked for; quotation marks and blanks may stand before it."""


class AnswerForm(Record):
    """How a model is asked to answer."""

    ask: Ask = "text"
    options: tuple[str, ...] = ()
    """What it may answer; each is one token in common vocabularies."""

    @property
    def reply_schema(self) -> Mapping[str, object] | None:
        """JSON schema of the answer; None where words are wanted."""
        if self.ask != "json":
            return None
        choice = {"type": "string", "enum": list(self.options)}
        return {
            "title": "Choice",
            "type": "object",
            "properties": {"choice": choice},
            "required": ["choice"],
            "additionalProperties": False,
        }

    def written(self) -> dict[str, str]:
        """Write the form for a manifest; nothing where words are wanted."""
        return {} if self.ask == "text" else {"ask": f"{self.ask}:{','.join(self.options)}"}

    @classmethod
    def read(cls, prompts: Mapping[str, str]) -> Self:
        """Read the form that a manifest holds."""
        ask, _, options = prompts.get("ask", "text").partition(":")
        listed = tuple(options.split(",")) if options else ()
        return cls.model_validate({"ask": ask, "options": listed})


WORDS = AnswerForm()
"""The usual form."""


def option_probabilities(
    tokens: Sequence[Token] | None, options: Sequence[str]
) -> dict[str, float] | None:
    """Give the probability of each option at the first place where one of them may stand.

    Parameters
    ----------
    tokens : sequence of Token, or None
        Of the reply, with their alternatives; None where the server told none.
    options : sequence of str

    Returns
    -------
    dict of str to float, or None
        They sum to 1; None where the options have less than `LEAST_MASS` together.
    """
    known = {option.casefold(): option for option in options}
    for token in (tokens or ())[:FIRST_TOKENS]:
        mass = dict.fromkeys(options, 0.0)
        for text, logprob in token.alternatives.items():
            option = known.get(text.strip().casefold())
            if option is not None:
                mass[option] += math.exp(logprob)
        total = sum(mass.values())
        if total >= LEAST_MASS:
            return {option: share / total for option, share in mass.items()}
    return None
