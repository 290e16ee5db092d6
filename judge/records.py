"""The records that flow through a run: Generation, Judge, Verdict, Judgment, Attempt.

All are frozen: a stage never edits a record, it makes the next one. Times are UTC in ISO 8601,
latencies milliseconds, costs US dollars, and a cost that is not known is None, never 0.
"""

import hashlib
import json
from collections.abc import Mapping, Set
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from rubrics.record import Record

Reason = Literal[
    "unscored.parse_invalid",
    "unscored.parse_ambiguous",
    "unscored.out_of_scale",
    "unscored.truncated",
    "unscored.too_long",
    "unscored.judge_refused",
    "unscored.content_filtered",
    "unscored.empty",
    "unscored.leaked_canary",
    "unscored.inconsistent_order",
    "unscored.no_majority",
    "unscored.cannot_assess",
    "error.auth",
    "error.rate_limited",
    "error.timeout",
    "error.transport",
    "error.provider_5xx",
    "error.bad_request",
    "error.budget",
    "error.expired",
    "skipped.no_content",
    "skipped.no_reference",
    "skipped.user_stop",
]
"""Why there is no score. ``unscored``: the judge was asked and gave none; ``error``: the
infrastructure failed; ``skipped``: nobody was asked."""

Outcome = Literal["ok"] | Reason
"""What became of a judgment or of one criterion of it; only ``ok`` has a score."""


def is_passing(outcome: str) -> bool:
    """Tell what a resumed run asks again: failures of the infrastructure, empty replies, stops.

    What a judge answered, with a score or without, is never asked again.
    """
    return outcome.startswith("error.") or outcome in PASSING


PASSING = ("unscored.empty", "skipped.user_stop")
"""Outcomes beside the errors that may be otherwise next time."""

Provenance = Literal["LIVE", "RECORDED", "SIMULATED"]
"""Where a reply came from: a provider, a stored reply, or this project's simulator."""

Rung = Literal["json_schema", "tools", "json_object", "prompt", "decisions", "systemone"]
"""How a structured reply was asked for: of a chat model from the strictest way to the loosest, of a
decision model by one of the two forms of its wire."""

Api = Literal["chat", "decisions", "logprobs"]
"""What kind of model is asked: one that writes text, or one that gives probabilities."""

Language = Literal["zh", "en"]
"""The product's own languages."""

LANGUAGE_TAG = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$"
"""How the language of an item is written; `rubrics.rubric.language_tag` makes it so."""


def worst(stamps: Set[Provenance]) -> Provenance:
    """Give the least live of several stamps."""
    if "SIMULATED" in stamps:
        return "SIMULATED"
    return "RECORDED" if "RECORDED" in stamps else "LIVE"


def _absent(value: object) -> bool:
    return value is None or value == ()


def _once(value: object) -> bool:
    return value == 1


# What a later version added is written only where it says something, so that records without it
# keep the form, and the digests, that they have always had.


AnyRecord = TypeVar("AnyRecord", bound=Record)


def replaced(record: AnyRecord, **changes: object) -> AnyRecord:
    """Copy a record with some fields changed, at a fifth of what `model_copy` costs.

    Only for values that this program made: nothing is checked, as `model_copy` checks nothing.
    """
    copy = object.__new__(type(record))
    # What a pydantic model consists of; `model_copy` copies each part in turn.
    object.__setattr__(copy, "__dict__", {**record.__dict__, **changes})
    object.__setattr__(copy, "__pydantic_fields_set__", record.model_fields_set | changes.keys())
    object.__setattr__(copy, "__pydantic_extra__", None)
    object.__setattr__(copy, "__pydantic_private__", None)
    return copy


Role = Literal["system", "user", "assistant", "tool"]
"""Who speaks in a conversation; ``developer`` is read as ``system``."""


class ToolCall(Record):
    """One call of a tool that a model asked for."""

    id: str = ""
    name: str
    arguments: str = ""
    """As the model wrote them: JSON as a rule, but nobody has checked it."""


class Turn(Record):
    """One message of a conversation, in OpenAI's chat form.

    A turn is named by its index: its place in ``messages``, counted from 0.
    """

    role: Role
    content: str = ""
    """Text; of several parts, the text parts one below the other."""
    tool_calls: tuple[ToolCall, ...] = Field(default=(), exclude_if=_absent)
    tool_call_id: str | None = Field(default=None, exclude_if=_absent)
    """Which call a tool's output answers."""
    name: str | None = Field(default=None, exclude_if=_absent)
    """Name of the tool, or of the speaker."""
    not_shown: tuple[str, ...] = Field(default=(), exclude_if=_absent)
    """Parts that are no text, such as ``image_url sha256:…``; a judge is told of them, not shown
    them."""

    @property
    def text(self) -> str:
        """All words of the turn: its content, then each call's tool and arguments."""
        calls = (word for call in self.tool_calls for word in (call.name, call.arguments))
        return "\n".join(word for word in (self.content, *calls) if word)


class Item(Record):
    """One prompt to put to the model under test."""

    id: str = Field(min_length=1)
    """Stable key of the prompt within its data set."""
    prompt: str
    group: str | None = None
    """Scenario or domain."""
    lang: str | None = Field(default=None, pattern=LANGUAGE_TAG)
    """BCP 47 tag, such as ``zh``, ``fr`` or ``pt-BR``."""
    reference: str | None = None
    """An answer that experts approved, where one exists."""
    extra: Mapping[str, object] = Field(default_factory=dict)
    """Fields of the source that this project does not read; kept as they came."""


class Generation(Item):
    """What a model under test answered to a prompt; (id, system, sample) is the unit judged."""

    response: str
    system: str = "default"
    """The model that produced the response."""
    sample: int = Field(default=0, ge=0)
    """Which of several answers to the same prompt this is."""
    messages: tuple[Turn, ...] = Field(default=(), exclude_if=_absent)
    """The whole conversation where there is one; ``prompt`` and ``response`` then repeat its judged
    reply and what that answers. Empty for a prompt and a response alone."""
    turn: int | None = Field(default=None, ge=0, exclude_if=_absent)
    """Index of the one turn that is judged, where each reply of a conversation is judged; None
    where the last reply or the whole conversation is."""
    session: str | None = Field(default=None, exclude_if=_absent)
    """Id of the conversation of which one turn is judged; its own id is then ``session#turn``."""

    @property
    def cluster(self) -> str:
        """What units of one conversation have in common: its id."""
        return self.id if self.session is None else self.session

    @property
    def unit(self) -> tuple[str, str, int]:
        """Identity within a file or a run."""
        return (self.id, self.system, self.sample)


class ModelSettings(Record):
    """A model and the settings that can change what it says."""

    model: str = Field(min_length=1)
    """A litellm model string, such as ``dashscope/qwen-max`` or ``openai/local``."""
    base_url: str | None = None
    """Address of an OpenAI-compatible server; None for the provider's own."""
    api_key_env: str | None = None
    """Name of the environment variable that holds the key, never the key."""
    temperature: float = Field(default=0.0, ge=0.0, le=2.0)
    max_tokens: int = Field(default=2048, ge=16)
    seed: int | None = None
    extra_body: Mapping[str, object] | None = None
    """Members that are added to every request, such as a switch that turns thinking off."""
    omit: tuple[str, ...] = ()
    """Members of every request that are left out, because the model refuses them."""

    @property
    def name(self) -> str:
        """How tables call this model."""
        return self.model


class Escalation(Record):
    """When a cascade asks its second judge."""

    judge: "Judge"
    """Asked where the first judge is not sure, or gave no verdict."""
    cut: float = Field(ge=0.0)
    """Least certainty with which the first judge's verdict stands: the probability of its level.
    Above 1 none stands."""
    cuts: Mapping[str, float] = Field(default_factory=dict)
    """Other cuts, by group."""
    criterion: str | None = None
    """Whose certainty counts; None for the first criterion of each rubric."""
    risk: float = Field(gt=0.0, lt=1.0)
    """Share of errors that the cut is meant to keep; a calibration proves whether it does."""


class Judge(ModelSettings):
    """A model that judges, or a cascade of two."""

    api: Api = "chat"
    threshold: float = Field(default=0.5, gt=0.0, lt=1.0)
    """From which probability on a criterion with two levels has the higher one; set beforehand."""
    escalation: Escalation | None = None

    @property
    def name(self) -> str:
        """How tables call this judge."""
        if self.escalation is None:
            return self.model
        return f"{self.model} > {self.escalation.judge.name}"


class Candidate(ModelSettings):
    """A model under test."""


class Scored(Record):
    """A score that the judge gave for one criterion."""

    kind: Literal["scored"] = "scored"
    criterion: str
    score: int
    """A level of the criterion's scale."""
    rationale: str = ""
    evidence: str = ""
    """What the judge quoted from the response; may be empty."""
    turn: int | None = Field(default=None, exclude_if=_absent)
    """Index of the turn that the verdict names; None outside conversations, or where the judge
    named none."""
    probabilities: Mapping[int, float] | None = None
    """Probability of each level, where the judge gave them; they sum to 1."""
    rule: str | None = None
    """How the score was made of the probabilities; None where there are none."""

    @property
    def certainty(self) -> float | None:
        """Probability of the level that was scored; None where there are no probabilities."""
        return None if self.probabilities is None else self.probabilities[self.score]

    @property
    def outcome(self) -> Outcome:
        """Always ``ok``."""
        return "ok"


class Unscored(Record):
    """A criterion without a score, and why. Never counted as any number."""

    kind: Literal["unscored"] = "unscored"
    criterion: str
    outcome: Reason
    rationale: str = ""
    evidence: str = ""
    turn: int | None = Field(default=None, exclude_if=_absent)


Verdict = Annotated[Scored | Unscored, Field(discriminator="kind")]


class Usage(Record):
    """Tokens of one call as the provider counted them; None where it did not say."""

    prompt_tokens: int | None = Field(default=None, ge=0)
    completion_tokens: int | None = Field(default=None, ge=0)
    cached_tokens: int | None = Field(default=None, ge=0)


class Attempt(Record):
    """One HTTP call, written before it is made and closed when it ends."""

    key: str
    """Content key of the judgment that the call was for."""
    number: int = Field(ge=1)
    """1 for the first call of a judgment within a run of the program."""
    transport: str
    """Name of the way to the model, such as ``direct``, ``litellm`` or ``batch``."""
    rung: Rung
    outcome: Outcome | Literal["started"] = "started"
    """``started`` until the call ends; it stays so when the program is killed in between."""
    detail: str = ""
    served_model: str | None = None
    usage: Usage = Usage()
    cost_usd: float | None = Field(default=None, ge=0)
    latency_ms: float | None = Field(default=None, ge=0)


class Judgment(Record):
    """What one judge said of one generation under one rubric."""

    key: str
    """Content key: same key, same question."""
    id: str
    system: str
    sample: int
    group: str | None
    lang: str | None
    """Of the item, as it says, else by its script; None where nobody knows."""
    judge: str
    rubric: str
    rubric_hash: str
    repeat: int = Field(default=0, ge=0)
    order: Literal["single", "forward", "backward"] = "single"
    """In pairwise grading, whether the first response came first."""
    verdicts: tuple[Verdict, ...]
    """One for each criterion of the rubric, in the rubric's order."""
    flags: tuple[str, ...] = ()
    """Remarks that never change a score, such as ``evidence_not_found``."""
    provenance: Provenance
    served_model: str | None = None
    rung: Rung | None = None
    usage: Usage = Usage()
    """Summed over all attempts."""
    cost_usd: float | None = None
    latency_ms: float | None = None
    """From the first call's start to the last call's end."""
    attempts: int = Field(default=0, ge=0)
    session: str | None = Field(default=None, exclude_if=_absent)
    """Id of the conversation, where the unit is one of its turns."""
    turn: int | None = Field(default=None, exclude_if=_absent)
    """Index of that turn."""
    windows: int = Field(default=1, ge=1, exclude_if=_once)
    """In how many pieces the judge was shown the conversation; the worst piece counts."""

    @property
    def cluster(self) -> str:
        """What the units of one conversation have in common: its id."""
        return self.id if self.session is None else self.session

    @property
    def unit(self) -> tuple[str, str, int]:
        """The generation that was judged."""
        return (self.id, self.system, self.sample)

    @property
    def slot(self) -> tuple[str, ...]:
        """Which judgment of a run this is, as the store tells them apart."""
        unit = (self.id, self.system, str(self.sample))
        return (*unit, self.judge, self.rubric, str(self.repeat), self.order)

    @property
    def outcome(self) -> Outcome:
        """``ok`` when every criterion was scored, else the first reason."""
        for verdict in self.verdicts:
            if verdict.kind == "unscored":
                return verdict.outcome
        return "ok"


Finish = Literal["complete", "truncated", "refused", "filtered", "empty"]
"""How a model under test ended its answer. All of these are results, not errors."""


class Answer(Record):
    """What a model under test made of one prompt, or why there is nothing."""

    key: str
    id: str
    system: str
    """Name of the model under test."""
    sample: int = Field(default=0, ge=0)
    item: Item
    outcome: Outcome
    """``ok`` when the model replied, however the reply ended."""
    response: str = ""
    probabilities: Mapping[str, float] | None = Field(default=None, exclude_if=_absent)
    """Of the options that were asked for; None where they were not, or the server told none."""
    finish: Finish | None = None
    provenance: Provenance = "LIVE"
    served_model: str | None = None
    usage: Usage = Usage()
    cost_usd: float | None = None
    latency_ms: float | None = None
    attempts: int = Field(default=0, ge=0)

    @property
    def slot(self) -> tuple[str, ...]:
        """Which answer of a run this is, as the store tells them apart."""
        return (self.id, self.system, str(self.sample))

    def generation(self) -> Generation:
        """Turn an answer into what judges judge."""
        return Generation(
            **self.item.model_dump(exclude={"extra"}),
            extra={**self.item.extra, "finish": self.finish, "provenance": self.provenance},
            response=self.response,
            system=self.system,
            sample=self.sample,
        )


class Counts(Record):
    """What became of what was planned; the four parts always add up to it."""

    planned: int = 0
    scored: int = 0
    unscored: int = 0
    error: int = 0
    skipped: int = 0

    @classmethod
    def of(cls, outcomes: Mapping[str, int], *, planned: int | None = None) -> "Counts":
        """Sort outcomes into scored, unscored, error and skipped.

        Parameters
        ----------
        outcomes : mapping of str to int
            How many there are of each outcome.
        planned : int, optional
            What was planned; the difference was never asked and counts as skipped.
        """
        parts = {
            part: sum(n for outcome, n in outcomes.items() if outcome.startswith(f"{part}."))
            for part in ("unscored", "error", "skipped")
        }
        scored = outcomes.get("ok", 0)
        asked = scored + sum(parts.values())
        whole = asked if planned is None else planned
        parts["skipped"] += whole - asked
        return cls(planned=whole, scored=scored, **parts)


# Content keys: digests of exactly what can change the meaning of a judgment.
#
# Same key, same question: that is how a run resumes and how the cache works.


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
    """Hash what can change a model's words: its address and settings, not its key's name.

    Settings that came later count only where they differ from what held before, so that passports
    and stored judgments stay those of the same model.
    """
    settings = model.model_dump(mode="json", exclude={"api_key_env"})
    for name, usual in (("api", "chat"), ("threshold", 0.5), ("escalation", None)):
        if settings.get(name) == usual:
            settings.pop(name, None)
    for name in ("extra_body", "omit"):
        if not settings[name]:
            del settings[name]
    if settings.get("escalation"):
        settings["escalation"]["judge"] = model_digest(_second(model))
    return digest(settings)


def _second(model: ModelSettings) -> ModelSettings:
    escalation = getattr(model, "escalation", None)
    return escalation.judge if isinstance(escalation, Escalation) else model
