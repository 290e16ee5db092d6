"""Content keys: digests of exactly what can change the meaning of a judgment.

Same key, same question: that is how a run resumes and how the cache works.
"""

import hashlib
import json
from collections.abc import Mapping

from judge.records import Generation, Judge


def digest(value: object) -> str:
    """Hash a JSON value, independent of the order of its keys.

    Returns
    -------
    str
        SHA-256 in 64 hexadecimal digits.
    """
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def judge_digest(judge: Judge) -> str:
    """Hash what can change a judge's words: model, address, settings; not its key's name."""
    return digest(judge.model_dump(mode="json", exclude={"api_key_env"}))


def material(generation: Generation) -> Mapping[str, str]:
    """Give the untrusted fields that a judge sees, without those that are absent."""
    fields = {"prompt": generation.prompt, "response": generation.response}
    if generation.reference is not None:
        fields["reference"] = generation.reference
    return fields


def judgment_key(question: Mapping[str, object]) -> str:
    """Hash one question to one judge; `grading` says what belongs to it."""
    return digest(question)
