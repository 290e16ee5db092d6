"""The seam between the engine and a provider: one method, one HTTP call.

Every way to a model (litellm, direct, scripted) is a `Model`. It makes exactly one call
for each `ask`, ends within the deadline, never retries, and raises the errors of `judge.errors`.
Where a model is reached, and with which key, is checked here once, at the border. What one model
takes of the request is learnt here from its own refusals.
"""

import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol, TypeVar
from urllib.parse import urlsplit

from pydantic import SkipValidation

from judge.errors import ConfigError, ModelError, ParameterRejected, RungRejected
from judge.records import ModelSettings, Provenance, Reason, Record, Rung, Usage
from rubrics.prompt import TypedQuestion


class Message(Record):
    """One chat message."""

    role: Literal["system", "user", "assistant"]
    content: str


class Dialect(Record):
    """How the settings of a call are sent to one model; the usual one is OpenAI's first."""

    token_limit: Literal["max_tokens", "max_completion_tokens"] | None = "max_tokens"  # noqa: S105 - no secret
    """Name under which the limit on the reply's tokens is sent; None sends none."""
    omit: tuple[str, ...] = ()
    """Settings that are not sent."""
    values: tuple[tuple[str, float], ...] = ()
    """Settings that are sent with the only value that the model takes."""
    refused: tuple[str, ...] = ()
    """Names of the token limit that were refused."""


AS_USUAL = Dialect()


class Question(Record):
    """One call to a model."""

    messages: tuple[Message, ...]
    reply_schema: SkipValidation[Mapping[str, object]] | None = None
    """JSON schema of the wanted reply; None when free text is wanted. It is kept as the same
    object, so that what is built from it can be built once."""
    asked: SkipValidation[tuple[TypedQuestion, ...]] | None = None
    """Typed questions, for a decision model; None where text is wanted."""
    rung: Rung = "prompt"
    logprobs: bool = False
    """Whether the reply's tokens are wanted with what else could have stood in their places."""
    temperature: float = 0.0
    max_tokens: int = 2048
    seed: int | None = None
    dialect: Dialect = AS_USUAL
    deadline: float = 120.0
    """Seconds from the start of the call to the last byte of the reply."""


Thoughts = Literal["apart", "inline", "unopened"] | None
"""How the thoughts of a reasoning model came: in a member of their own, in the text between two
marks, or in the text before a closing mark alone. None where none were seen."""


class Token(NamedTuple):
    """One token of a reply."""

    text: bytes
    """A part of a character where the model's tokens are."""
    alternatives: Mapping[str, float]
    """Log-probability of the likeliest tokens at this place, this one among them."""


class DecisionAnswer(NamedTuple):
    """What a decision model gave for one typed question."""

    name: str
    """Of the question."""
    probabilities: Mapping[int, float] | None = None
    """Of each level, summing to 1; where the question is a yes or no about no level, of 1 and 0.
    None where there are none."""
    reason: Reason | None = None
    """Why there are none."""


class Reply(Record):
    """What a model answered, as it came: no text is parsed or judged here."""

    text: str | None
    """The message's content without thoughts, or the arguments of the one tool call that was asked
    for; None when it had neither."""
    tokens: SkipValidation[tuple[Token, ...]] | None = None
    """What the whole message is made of, where that was asked for and the server tells it."""
    answers: SkipValidation[tuple[DecisionAnswer, ...]] | None = None
    """What a decision model gave, in the order in which it came; there is no text then. None where
    no decision model was asked, or where what came is no set of answers."""
    tool_calls: int = 0
    contradiction: bool = False
    """Whether something else could be the verdict too: a tool call that nobody asked for, or a
    second choice that says something else."""
    thoughts: Thoughts = None
    leaked: bool = False
    """Whether the reply repeated the key; its text was dropped."""
    finish_reason: str | None = None
    """As OpenAI names it where the spelling is known: ``stop``, ``length``, ``content_filter``."""
    refusal: str | None = None
    """The provider's own refusal field, where it has one."""
    served_model: str | None = None
    usage: Usage = Usage()
    cost_usd: float | None = None
    provenance: Provenance = "LIVE"

    @property
    def answered(self) -> bool:
        """Whether the model gave what was asked for, in whatever state."""
        return bool(self.text) or self.answers is not None


def provenance_of(served_model: str | None, fingerprint: object = None) -> Provenance:
    """Tell this project's simulator from a live provider.

    It marks its replies twice, by the name of the model and by the fingerprint, for a gateway may
    write a name of its own.
    """
    named = (served_model or "").casefold().startswith("simulated-")
    marked = isinstance(fingerprint, str) and fingerprint.startswith("fp_simulated")
    return "SIMULATED" if named or marked else "LIVE"


class Model(Protocol):
    """A way to one model."""

    @property
    def transport(self) -> str:
        """Name of this way, as attempts record it."""
        ...

    @property
    def provider(self) -> str:
        """Whose rate limits the calls count against."""
        ...

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """Ways of asking for a structured reply that are worth trying, strictest first."""
        ...

    async def ask(self, question: Question) -> Reply:
        """Make one call.

        Raises
        ------
        judge.errors.ModelError
            If no reply arrived; never with the provider's own text in the message.
        """
        ...

    async def close(self) -> None:
        """Release connections."""
        ...


NO_KEY = "no-key-needed"
"""Sent to servers that want some key but do not look at it."""

DIRECT_PREFIXES = ("openai", "hosted_vllm")
"""Prefixes of model strings that name any OpenAI-compatible server."""

USUAL_KEYS: Mapping[str, str] = {
    "openai": "OPENAI_API_KEY",
    "hosted_vllm": "HOSTED_VLLM_API_KEY",
}
"""Environment variables that hold the key where the judge names none."""

USUAL_ADDRESSES: Mapping[str, tuple[str, ...]] = {
    "openai": ("OPENAI_BASE_URL", "OPENAI_API_BASE"),
    "hosted_vllm": ("HOSTED_VLLM_API_BASE",),
}
"""Environment variables that hold the address where the judge has none; the first that is set."""

OPENAI_ITSELF = "https://api.openai.com/v1"

Settings = TypeVar("Settings", bound=ModelSettings)


def addressed(judge: Settings, environ: Mapping[str, str] | None = None) -> Settings:
    """Give a model the address that its usual variable names, so that it is kept and compared.

    Parameters
    ----------
    judge : ModelSettings
    environ : mapping of str to str, or None
        None for the process's environment.

    Returns
    -------
    ModelSettings
        Unchanged where it has an address, or no variable names another one.
    """
    environ = os.environ if environ is None else environ
    head, slash, _ = judge.model.partition("/")
    if judge.base_url is not None or not slash:
        return judge
    named = (environ.get(name, "").strip() for name in USUAL_ADDRESSES.get(head, ()))
    address = next(filter(None, named), OPENAI_ITSELF)
    if address.rstrip("/") == OPENAI_ITSELF:
        return judge
    return judge.model_copy(update={"base_url": address})


def prefix_of(judge: ModelSettings) -> str:
    """Give the part of a model string before the first slash; ``openai`` where there is none."""
    head, slash, _ = judge.model.partition("/")
    return head if slash else "openai"


def netloc_of(url: str) -> str:
    """Give host and port of a base URL: whose rate limits its judges share.

    Raises
    ------
    ConfigError
        If it is no HTTP address, or carries a name, password or query, where keys would hide.
    """
    try:
        parts = urlsplit(url)
        whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        raise ConfigError("the base URL must look like http://host:port/v1.")
    parts = urlsplit(url)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(
            "the base URL must hold no user, password or query; keys come by variable."
        )
    return parts.netloc


def refuse_secrets(model: ModelSettings) -> None:
    """Refuse settings that hold a key themselves, before anything of them is kept or printed.

    Raises
    ------
    ConfigError
        If the base URL carries a user, password or query, or a key stands where the name of a
        variable belongs; the message repeats neither.
    """
    if model.base_url is not None:
        netloc_of(model.base_url)
    if model.api_key_env is not None and not re.fullmatch(r"[A-Za-z_]\w*", model.api_key_env):
        raise ConfigError("--api-key-env takes the NAME of a variable, never the key itself.")


def secrets_of(judge: ModelSettings, environ: Mapping[str, str]) -> tuple[str, ...]:
    """List the keys that a call to a model may carry, so that a reply that repeats one is noticed.

    Where the provider's library finds the key itself, every variable that is named like a key
    counts.
    """
    own = key_of(judge, environ)
    if own is not None:
        return (own,) if len(own) >= SHORTEST_KEY else ()
    found = (value for name, value in environ.items() if _KEY_NAME.search(name))
    return tuple(value for value in found if len(value) >= 2 * SHORTEST_KEY)


SHORTEST_KEY = 8
"""Characters below which a key is too short to be told from ordinary words."""

_KEY_NAME = re.compile(r"(_API_KEY|_SECRET(_ACCESS)?_KEY|_TOKEN|_APIKEY)$")


def key_of(judge: ModelSettings, environ: Mapping[str, str]) -> str | None:
    """Read a judge's key.

    Returns
    -------
    str or None
        None where neither the judge nor the provider's custom names a variable that is set.

    Raises
    ------
    ConfigError
        If the judge names a variable that is not set, or the variable holds no key.
    """
    variable = judge.api_key_env or USUAL_KEYS.get(prefix_of(judge), "")
    key = environ.get(variable, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(f"the variable {variable} holds no key: it has characters no key has.")
    if judge.api_key_env and not key:
        raise ConfigError(
            f"the variable {variable} is not set; export it with the key of the judge."
        )
    return key or None


Script = Reply | ModelError | str
"""One line of a script: a reply, its text alone, or the error to raise."""


class ScriptedModel:
    """Answer from a script, and keep every question that was asked.

    Parameters
    ----------
    replies : sequence of Script, or function from Question to Script
        A sequence is used line by line and its last line is repeated; a function sees the
        question. A line that is an error is raised.
    provider : str
        Whose rate limits the calls count against.
    rungs : tuple of Rung
        Ways of asking for a structured reply that the model claims to know.

    Raises
    ------
    ValueError
        If the sequence is empty.
    """

    transport: str = "scripted"

    def __init__(
        self,
        replies: Sequence[Script] | Callable[[Question], Script],
        *,
        provider: str = "scripted",
        rungs: tuple[Rung, ...] = ("json_schema",),
    ) -> None:
        if not callable(replies) and not replies:
            raise ValueError("a script needs at least one line; got none.")
        self.questions: list[Question] = []
        self.closed = False
        self._replies = replies
        self.provider = provider
        self.rungs = rungs

    async def ask(self, question: Question) -> Reply:
        """Give the next line of the script."""
        self.questions.append(question)
        line = self._line(question)
        if isinstance(line, ModelError):
            raise line
        if isinstance(line, str):
            return Reply(text=line, finish_reason="stop", provenance="SIMULATED")
        return line

    def _line(self, question: Question) -> Script:
        if callable(self._replies):
            return self._replies(question)
        return self._replies[min(len(self.questions), len(self._replies)) - 1]

    async def close(self) -> None:
        """Note that the model was closed."""
        self.closed = True


# What one model takes of the request, learnt from its own refusals within one run.

ENOUGH_REFUSALS = 2
"""Refusals of a setting after which the run does without it."""

QUESTIONS_BEFORE_RETURN = 100
"""Questions after which the usual way is tried again; the number doubles with each refusal."""

TOKEN_LIMITS = ("max_tokens", "max_completion_tokens")

Refused = tuple[Literal["rung", "param"], str]
"""A way of asking, or a setting, that was refused."""


class Learnt(Record):
    """What a run has learnt of one model; kept with the run."""

    dialect: Dialect = AS_USUAL
    refused_rungs: tuple[Rung, ...] = ()


NOTHING = Learnt()


def described(learnt: Learnt) -> tuple[str, ...]:
    """Say in clauses what a model has been found not to take as it is usually sent."""
    dialect = learnt.dialect
    said = [f"asked without {rung}" for rung in learnt.refused_rungs]
    if dialect.token_limit != AS_USUAL.token_limit:
        said.append(f"{dialect.token_limit or 'nothing'} in place of {AS_USUAL.token_limit}")
    said += [f"{name} {value:g}" for name, value in dialect.values]
    said += [f"{name} left out" for name in dialect.omit]
    return tuple(said)


class DialectLearner:
    """Keep what the refusals of one model have taught, for all questions of a run.

    Parameters
    ----------
    learnt : Learnt or None
        What an earlier part of the run had learnt.
    """

    def __init__(self, learnt: Learnt | None = None) -> None:
        self._learnt = learnt or NOTHING
        self._refusals: Counter[Refused] = Counter()
        self._asked = 0
        self._return_at = QUESTIONS_BEFORE_RETURN

    @property
    def learnt(self) -> Learnt:
        """What holds for the run now."""
        return self._learnt

    def first(self, question: Question, model: Model) -> Question:
        """Put a question as the model takes it, as far as is known."""
        if self._learnt is NOTHING:
            return question
        self._asked += 1
        if self._asked >= self._return_at:
            # One question goes the usual way; it costs a call or two if nothing has changed.
            self._asked, self._return_at = 0, self._return_at * 2
            return question
        rungs = _from(question.rung, model)
        rung = next((each for each in rungs if each not in self._learnt.refused_rungs), rungs[-1])
        return question.model_copy(update={"rung": rung, "dialect": self._learnt.dialect})

    def next(self, question: Question, error: ModelError, model: Model) -> Question | None:
        """Change a question after a refusal of one of its settings; None where nothing is left."""
        changed = _changed(question, error, model)
        if isinstance(error, ParameterRejected):
            self._count(("param", error.param), changed)
        elif isinstance(error, RungRejected):
            self._count(("rung", question.rung), changed)
        return changed

    def lower(self, question: Question, model: Model) -> Question | None:
        """Put a question one rung lower, where the reply to it was empty."""
        changed = _lower(question, model)
        self._count(("rung", question.rung), changed)
        return changed

    def answered(self, question: Question, reply: Reply) -> None:
        """Note that a question was answered: what it used is taken after all."""
        if not reply.answered or (not self._refusals and self._learnt is NOTHING):
            return
        del self._refusals["rung", question.rung]
        if question.rung in self._learnt.refused_rungs:
            left = tuple(rung for rung in self._learnt.refused_rungs if rung != question.rung)
            self._learn(refused_rungs=left)
        if question.dialect == AS_USUAL:
            self._refusals = Counter({k: n for k, n in self._refusals.items() if k[0] == "rung"})
            self._learn(dialect=AS_USUAL)

    def _count(self, refused: Refused, changed: Question | None) -> None:
        self._refusals[refused] += 1
        if changed is None or self._refusals[refused] < ENOUGH_REFUSALS:
            return
        if refused[0] == "rung":
            rungs = tuple(dict.fromkeys((*self._learnt.refused_rungs, refused[1])))
            self._learn(refused_rungs=rungs)
        else:
            self._learn(dialect=changed.dialect)

    def _learn(self, **changes: object) -> None:
        changed = self._learnt.model_copy(update=changes)
        self._learnt = NOTHING if changed == NOTHING else changed


def _changed(question: Question, error: ModelError, model: Model) -> Question | None:
    if isinstance(error, RungRejected):
        return _lower(question, model)
    if not isinstance(error, ParameterRejected):
        return None
    dialect = without_setting(question.dialect, error.param, error.value)
    return None if dialect is None else question.model_copy(update={"dialect": dialect})


def _from(rung: Rung, model: Model) -> tuple[Rung, ...]:
    rungs = model.rungs
    return rungs[rungs.index(rung) :] if rung in rungs else (rung,)


def _lower(question: Question, model: Model) -> Question | None:
    left = _from(question.rung, model)[1:]
    return question.model_copy(update={"rung": left[0]}) if left else None


def without_setting(dialect: Dialect, param: str, value: float | None) -> Dialect | None:
    """Change a dialect so that a refused setting is not sent as it was; None where it was not sent.

    The token limit takes its other name first, and is left out when that is refused too. Other
    settings take the only value that the provider named, or are left out.
    """
    if param in TOKEN_LIMITS:
        other = TOKEN_LIMITS[1 - TOKEN_LIMITS.index(param)]
        limit = None if other in dialect.refused else other
        return dialect.model_copy(
            update={"token_limit": limit, "refused": (*dialect.refused, param)}
        )
    if param in dialect.omit:
        return None
    if value is not None and param not in dict(dialect.values):
        return dialect.model_copy(update={"values": (*dialect.values, (param, value))})
    return dialect.model_copy(update={"omit": (*dialect.omit, param)})
