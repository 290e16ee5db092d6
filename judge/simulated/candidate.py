"""The simulated server as a model under test: it writes responses and picks the better reply."""

import re
from dataclasses import dataclass

from judge.simulated.chat import ChatRequest
from judge.simulated.draws import Draw, draws, phrase, text_digest
from judge.simulated.profile import Candidate, Profile
from judge.simulated.verdicts import quality_of

_TWO_REPLIES = re.compile(
    r"\[(?P<word>回复|Response|Reply|Answer) ?(?P<first>[1A])\] ?[:：] ?(?P<one>.*?)"
    r"\[(?:End of )?(?P=word) ?(?P=first)(?: ?结束| end)?\]\s*"
    r"\[(?P=word) ?(?P<second>[2B])\] ?[:：] ?(?P<two>.*?)"
    r"\[(?:End of )?(?P=word) ?(?P=second)(?: ?结束| end)?\]",
    re.DOTALL | re.IGNORECASE,
)
_LETTER_WANTED = re.compile(r"字母|\bletter\b|\bA or B\b|A还是B|A或B", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TwoChoice:
    """A question which of two replies is better."""

    replies: tuple[str, str]
    labels: tuple[str, str]
    letter_only: bool


def candidate_text(profile: Profile, request: ChatRequest) -> str:
    """Answer as the model under test that the request names.

    Parameters
    ----------
    profile : Profile
        Planted responses, pairs and accuracies.
    request : ChatRequest
        Without a form.

    Returns
    -------
    str
        A choice in varied wording where two replies are put up, the planted response where there
        is one, otherwise a short text that says that it is simulated.
    """
    question = read_two_choice(request.user)
    if question is not None:
        return _choice_text(profile, request, question)
    planted = profile.responses.get(request.model, {}).get(text_digest(request.user))
    if planted is not None:
        return planted
    draw = draws(profile.seed, *request.identity)
    code = f"{int(draw('code') * 16**6):06x}"
    return phrase(request.language, "response", draw).format(code=code)


def read_two_choice(text: str) -> TwoChoice | None:
    """Read the two replies out of a two-choice prompt in Chinese or English, or None."""
    match = _TWO_REPLIES.search(text)
    if match is None:
        return None
    rest = text[: match.start()] + text[match.end() :]
    labels = (match["first"].upper(), match["second"].upper())
    letter_only = labels == ("A", "B") or bool(_LETTER_WANTED.search(rest))
    return TwoChoice((match["one"], match["two"]), labels, letter_only)


def _choice_text(profile: Profile, request: ChatRequest, question: TwoChoice) -> str:
    candidate = profile.candidates.get(request.model, Candidate())
    # Sorted: both orders of one pair share their draws, and so their errors.
    pair = sorted(text_digest(reply.strip()) for reply in question.replies)
    draw = draws(profile.seed, request.model, request.seed, *pair)
    wording = draws(profile.seed, *request.identity)
    if draw("refusal") < candidate.refusal:
        return phrase(request.language, "choice_refusal", wording)
    chosen = _chosen(profile, candidate, question, draw=draw)
    if question.letter_only:
        return phrase(request.language, "letter", wording).format(choice="AB"[chosen])
    return phrase(request.language, "choice", wording).format(choice=question.labels[chosen])


def _chosen(profile: Profile, candidate: Candidate, question: TwoChoice, *, draw: Draw) -> int:
    """Choose reply 0 or 1."""
    if draw("position") < candidate.position_bias:
        return 0
    better = _better(profile, question.replies)
    return better if draw("accuracy") < candidate.accuracy else 1 - better


def _better(profile: Profile, replies: tuple[str, str]) -> int:
    """Tell which reply is better: as planted, otherwise by the quality of the texts."""
    planted = {(pair.better, pair.worse) for pair in profile.pairs}
    forms = [{text_digest(reply), text_digest(reply.strip())} for reply in replies]
    if any((one, two) in planted for one in forms[0] for two in forms[1]):
        return 0
    if any((two, one) in planted for one in forms[0] for two in forms[1]):
        return 1
    one, two = (quality_of(profile.seed, reply.strip()) for reply in replies)
    return int(two > one)
