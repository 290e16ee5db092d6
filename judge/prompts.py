"""The messages of one call: trusted instructions first, the material in a message of its own.

The trusted message is the same for every item of a group, so that providers can cache it, and so
that a test can compare it byte for byte between a harmless and a hostile item.
"""

from collections.abc import Mapping

from judge import containment
from judge.keys import digest
from judge.models.base import Message, Question
from judge.records import Judge


def question(
    judge: Judge,
    trusted: str,
    material: Mapping[str, str],
    *,
    reply_schema: Mapping[str, object],
    nonce: str,
) -> Question:
    """Build the call that asks a judge for one structured reply.

    Parameters
    ----------
    judge : Judge
        Whose settings apply.
    trusted : str
        The rubric's text.
    material : mapping of str to str
        Everything that a data set or a model wrote.
    reply_schema : mapping
        JSON schema of the reply.
    nonce : str
        The boundary code of this call.
    """
    return Question(
        messages=(
            Message(role="system", content=trusted),
            Message(role="user", content=containment.contain(material, nonce=nonce)),
        ),
        reply_schema=reply_schema,
        temperature=judge.temperature,
        max_tokens=judge.max_tokens,
        seed=judge.seed,
    )


def trusted_digest(trusted: str, reply_schema: Mapping[str, object]) -> str:
    """Hash what is ours in a call: instructions, schema and the layout of the material."""
    return digest([trusted, reply_schema, containment.POLICY])
