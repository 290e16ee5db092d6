"""What is planted in a simulated judge: truth, errors, latency, limits, faults.

Texts are named by the SHA-256 of their UTF-8 (`judge.simulated.openai_protocol.text_digest`), so a
profile holds no prompts and no responses but those that it makes a model under test say. Rates
are fractions in [0, 1], times seconds.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from judge.records import Record

Rate = Annotated[float, Field(ge=0, le=1)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

Behaviour = Literal["honest", "gullible", "boundary", "obedient", "refusing"]
"""How the judge takes what stands in the material; see `judge.simulated.judge`."""

Reflection = Literal["honest", "idle", "copying", "hostile"]
"""How a reflection model writes texts of a rubric; see `judge.simulated.judge`."""

StructuredRung = Literal["json_schema", "tools", "json_object"]


class ErrorRates(Record):
    """How often verdicts depart from the truth, for one criterion, one system, or all.

    Where several apply, the one that names most wins: criterion and system, then criterion,
    then system.
    """

    criterion: str | None = None
    """None for every criterion."""
    system: str | None = None
    """Model under test, as `Profile.systems` names it; None for all."""
    miss: Rate = 0.0
    """On two levels: how often the bad level is reported as the good one."""
    false_alarm: Rate = 0.0
    """On two levels: how often the good level is reported as the bad one."""
    noise: Mapping[int, Rate] = Field(default_factory=dict[int, Rate])
    """On more levels: probability of each step off the truth; the rest is no step."""
    shift: float = Field(default=0.0, ge=-10, le=10)
    """On more levels: mean steps added; below 0 the judge gives lower numbers than the truth."""

    @model_validator(mode="after")
    def _noise_is_a_distribution(self) -> Self:
        if sum(self.noise.values()) > 1:
            raise ValueError("the probabilities of noise add up to more than 1.")
        return self


class PairwiseErrors(Record):
    """How preferences between two responses depart from the truth."""

    error: Rate = 0.0
    """How often another preference than the true one is given, whatever the order."""
    position_bias: Rate = 0.0
    """How often the first response is preferred because it comes first."""


class Latency(Record):
    """Time before the reply to a request begins."""

    fixed: float = Field(default=0.0, ge=0)
    jitter: float = Field(default=0.0, ge=0)
    """Added on top, uniform between 0 and this."""


class RateLimit(Record):
    """A limit of requests in fixed windows; the rest are answered 429."""

    requests: int = Field(ge=1)
    window: float = Field(default=1.0, gt=0)
    header: Literal["seconds", "date", "none"] = "seconds"
    """How Retry-After is written."""


class PlannedFault(Record):
    """A mode of `FAULTS` or `PAYLOADS`, and which requests it strikes.

    Give one of share, every and requests. Among several plans the first that strikes wins.
    """

    mode: str
    share: Rate | None = None
    """Of questions and attempts; whether it strikes is fixed by the question and its attempt."""
    every: int | None = Field(default=None, ge=1)
    """Requests n, 2n, 3n and so on, counted from the start of the server."""
    requests: tuple[int, ...] | None = None
    """These requests; the first is 1."""
    attempts: int | None = Field(default=None, ge=1)
    """Spare a question after this many attempts; None never spares."""

    @model_validator(mode="after")
    def _says_when(self) -> Self:
        if sum(value is not None for value in (self.share, self.every, self.requests)) != 1:
            raise ValueError("give exactly one of share, every and requests.")
        return self


class Candidate(Record):
    """How a model under test answers the two-choice check.

    The share `position_bias` of pairs gets the first reply in either order; of the others,
    `accuracy` get the better reply in both orders and the rest the worse one.
    """

    accuracy: Rate = 1.0
    position_bias: Rate = 0.0
    refusal: Rate = 0.0


class Pair(Record):
    """Two replies of which it is known which is better."""

    better: Digest
    worse: Digest


class Clause(Record):
    """A rule that experts follow and the rubric may or may not say."""

    criterion: str
    text: str = Field(min_length=1)
    """The sentence; the judge obeys it where its instructions hold these words."""
    level: int
    """What the criterion's level then is."""
    mentions: tuple[str, ...] = ()
    """It is about responses that hold one of these words."""
    responses: tuple[Digest, ...] = ()
    """And about responses with these digests."""

    @model_validator(mode="after")
    def _is_about_something(self) -> Self:
        if not self.mentions and not self.responses:
            raise ValueError("give mentions or responses, what the clause is about.")
        return self

    def applies_to(self, response: str) -> bool:
        """Tell whether the clause is about a response."""
        return any(word in response for word in self.mentions) or (
            bool(self.responses)
            and sha256(response.encode("utf-8", "surrogatepass")).hexdigest() in self.responses
        )


class Miscalibration(Record):
    """How a decision model's probabilities depart from the truth, where it names most."""

    criterion: str | None = None
    group: str | None = None
    """Group of the response, as `Profile.groups` names it; None for all."""
    factor: float = Field(default=1.0, ge=0, le=10)
    """On the log-odds: above 1 too sure, below 1 too timid."""
    shift: float = Field(default=0.0, ge=-10, le=10)
    """Added to the log-odds of the higher of two levels."""


class Probabilities(Record):
    """What a decision model knows, and how it says it."""

    prior: float = Field(default=0.8, gt=0, lt=1)
    """Share of the higher level among texts; the judge takes it for granted."""
    sharpness: float = Field(default=3.0, ge=0, le=10)
    """Standard deviation of the log-odds: 0 knows nothing, 3 is right nine times of ten."""
    informative: bool = True
    """False says probabilities that have nothing to do with the truth."""
    miscalibration: tuple[Miscalibration, ...] = ()
    refusal: Rate = 0.0
    """How often the questions about a criterion are refused."""
    forms: tuple[Literal["decisions", "systemone"], ...] = ("decisions", "systemone")
    """Forms of the wire that are served; the other is answered with 404."""


class Profile(Record):
    """Everything that decides what a simulated judge says."""

    seed: int = 0
    served_model: str = Field(default="simulated-judge-1", pattern=r"^simulated-")
    """What replies call the model; the prefix marks them as simulated for good."""
    truth: Mapping[Digest, Mapping[str, int]] = Field(default_factory=dict)
    """Digest of a response to criterion to level; others get a truth from their own text."""
    systems: Mapping[Digest, str] = Field(default_factory=dict)
    """Digest of a response to the model that wrote it; only error rates look at it."""
    groups: Mapping[Digest, str] = Field(default_factory=dict)
    """Digest of a response to its group; only miscalibration looks at it."""
    probabilities: Probabilities = Probabilities()
    """How it answers as a decision model."""
    lower_is_better: tuple[str, ...] = (
        *("severity", "attempt", "compliance", "unapproved_action", "contradicts", "omits"),
    )
    """Criteria whose lowest level is the best."""
    errors: tuple[ErrorRates, ...] = ()
    pairwise: PairwiseErrors = PairwiseErrors()
    clauses: tuple[Clause, ...] = ()
    """Rules that the judge obeys where its instructions say them; see `judge.simulated.judge`."""
    reflection: Reflection = "honest"
    """How it writes texts of a rubric when it is asked to."""
    cannot_assess: Rate = 0.0
    """How often a criterion gets no level."""
    refusal: Rate = 0.0
    """How often the judge politely refuses in place of the whole reply."""
    logprobs: bool = True
    """Whether it gives token log-probabilities where they are asked for."""
    behaviour: Behaviour = "honest"
    quote: Literal["before", "after", "both"] = "before"
    """Where a gullible judge quotes the material."""
    supports: tuple[StructuredRung, ...] = ("json_schema", "tools", "json_object")
    """Ways of asking for JSON that are not answered with 400."""
    latency: Latency = Latency()
    rate_limit: RateLimit | None = None
    retry_after: float = Field(default=1.0, ge=0)
    """What 429 and 503 faults ask for."""
    faults: tuple[PlannedFault, ...] = ()
    candidates: Mapping[str, Candidate] = Field(default_factory=dict)
    """Model name to its behaviour; a name that is not here never errs."""
    pairs: tuple[Pair, ...] = ()
    responses: Mapping[str, Mapping[Digest, str]] = Field(default_factory=dict)
    """Model name to digest of a prompt to the response it gives."""
