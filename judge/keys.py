"""Content keys: digests of exactly what can change the meaning of a judgment.

Same key, same question: that is how a run resumes and how the cache works.
"""

import hashlib
import json
from collections.abc import Mapping

from judge.records import Generation, ModelSettings


def digest(value: object) -> str:
    """Hash a JSON value, independent of the order of its keys.

    Returns
    -------
    str
        SHA-256 in 64 hexadecimal digits.
    """
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def model_digest(model: ModelSettings) -> str:
    """Hash what can change a model's words: its address and settings, not its key's name."""
    return digest(model.model_dump(mode="json", exclude={"api_key_env"}))


def material(generation: Generation) -> Mapping[str, str]:
    """Give the untrusted fields that a judge sees, without those that are absent."""
    fields = {"prompt": generation.prompt, "response": generation.response}
    if generation.reference is not None:
        fields["reference"] = generation.reference
    return fields
