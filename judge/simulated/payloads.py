"""The wrong payloads by name: status 200, and something amiss in what is sent."""

from collections.abc import Mapping
from types import MappingProxyType

from judge.simulated import misenveloped, misspoken
from judge.simulated.misenveloped import Misenvelope
from judge.simulated.misspoken import SCORE_LITERALS, Misspeak, with_score
from judge.simulated.profile import Profile
from judge.simulated.reading import ChatRequest
from judge.simulated.replies import Spoken, as_json, completion

_SPOKEN: tuple[Misspeak, ...] = (
    misspoken.truncated_length,
    misspoken.truncated_stop,
    misspoken.duplicate_criterion,
    misspoken.extra_key,
    misspoken.extra_criterion,
    misspoken.missing_criterion,
    misspoken.missing_score,
    misspoken.unquoted_evidence,
    misspoken.wrong_language,
    misspoken.leaked_nonce,
    misspoken.control_characters,
    misspoken.markup,
    misspoken.lone_surrogate,
    misspoken.huge_body,
    misspoken.deep_nesting,
    misspoken.empty_content,
    misspoken.blank_content,
    misspoken.null_content,
    misspoken.empty_object,
    misspoken.list_of_objects,
    misspoken.two_objects,
    misspoken.prose_around,
    misspoken.markdown_fence,
    misspoken.think_block,
    misspoken.trailing_comma,
    misspoken.single_quotes,
    misspoken.not_json,
    misspoken.planted_before,
    misspoken.planted_after,
    misspoken.planted_both,
    misspoken.polite_refusal,
    misspoken.polite_refusal_zh,
    misspoken.polite_refusal_en,
    misspoken.refusal_field,
    misspoken.finish_content_filter,
    misspoken.filtered_in_mid_sentence,
)
_ENVELOPED: tuple[Misenvelope, ...] = (
    misenveloped.no_choices,
    misenveloped.null_choices,
    misenveloped.no_message,
    misenveloped.null_message,
    misenveloped.two_choices,
    misenveloped.null_finish_reason,
    misenveloped.unknown_finish_reason,
    misenveloped.no_tool_call,
    misenveloped.text_for_tool_call,
    misenveloped.bad_tool_arguments,
    misenveloped.wrong_tool_name,
    misenveloped.two_tool_calls,
    misenveloped.no_usage,
    misenveloped.null_usage,
    misenveloped.negative_usage,
    misenveloped.cached_usage,
    misenveloped.error_object,
    misenveloped.list_body,
    misenveloped.text_body,
    misenveloped.empty_body,
    misenveloped.truncated_body,
    misenveloped.invalid_utf8,
)

_SPOKEN_BY_NAME: Mapping[str, Misspeak] = {
    **{name: with_score(literal) for name, literal in SCORE_LITERALS.items()},
    **{payload.__name__: payload for payload in _SPOKEN},
}
_ENVELOPED_BY_NAME: Mapping[str, Misenvelope] = {
    payload.__name__: payload for payload in _ENVELOPED
}

PAYLOADS: Mapping[str, str] = MappingProxyType(
    {
        **{name: f"Write {text[:24]} for the score." for name, text in SCORE_LITERALS.items()},
        **{payload.__name__: payload.__doc__ or "" for payload in (*_SPOKEN, *_ENVELOPED)},
    }
)
"""Name of each wrong payload and what is wrong with it, in one sentence."""


def wrong_payload(name: str, profile: Profile, request: ChatRequest, *, honest: Spoken) -> bytes:
    """Write the body of a reply in which something is amiss.

    Parameters
    ----------
    name : str
        A key of `PAYLOADS`.
    profile : Profile
        For the names in the envelope.
    request : ChatRequest
        What is answered.
    honest : Spoken
        What would have been said otherwise.
    """
    if name in _SPOKEN_BY_NAME:
        return as_json(completion(profile, request, _SPOKEN_BY_NAME[name](honest, request)))
    sent = _ENVELOPED_BY_NAME[name](completion(profile, request, honest), request)
    return sent if isinstance(sent, bytes) else as_json(sent)
