"""The lines of provider batches: what they cost, filled into parts, matched with what came back."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import islice

from judge.errors import ModelError, RungRejected
from judge.models.base import Reply
from judge.models.batch import BatchService
from judge.models.limits import Price
from judge.records import Attempt, Rung, Usage
from judge.run.scheduler import Made, Task
from judge.store.records import boundary_code

CHARACTERS_A_TOKEN = 2.0
"""Guess for mixed Chinese and English text, for what a part may cost."""


@dataclass(frozen=True, kw_only=True)
class BatchSettings:
    """How batches are posted and waited for."""

    poll: float = 60.0
    """Seconds between two looks at the provider."""
    wait: bool = True
    """Stay until everything has ended; else post, collect what has ended, and leave."""
    tries: int = 2
    """How often a line that failed or expired is posted, before it is left to be asked live."""
    price_share: float = 0.5
    """Price of a batch, as a share of the live price."""
    most_lines: int | None = None
    """Lines of one part, where fewer are wanted than the provider takes."""
    grace: float = 10.0
    """Seconds until a provider's list shows what it has just taken."""
    cancel: bool = False
    """Post nothing, and ask the provider to end what it has."""


class Found:
    """The results of one part as they come in."""

    def __init__(self, serials: Mapping[str, int]) -> None:
        self.serials = serials
        self.results: dict[str, Reply | ModelError] = {}
        self.used: set[str] = set()
        """Keys whose attempt has been ended."""
        self.declined = 0
        self._unknown = 0
        self._twice = 0
        self._this_time: set[str] = set()

    def begin_again(self) -> None:
        """Begin a download from its beginning; what comes again is no second answer."""
        self._this_time.clear()

    def add(self, key: str, result: Reply | ModelError) -> None:
        """Take one line; of two under one name the first counts."""
        if key not in self.serials:
            self._unknown += 1
            return
        if key in self._this_time:
            self._twice += 1
            return
        self._this_time.add(key)
        if not isinstance(self.results.get(key), Reply):
            self.results[key] = result

    @property
    def rung_rejected(self) -> bool:
        """Whether the provider takes no reply of this form at all."""
        came = self.results.values()
        return bool(came) and all(isinstance(result, RungRejected) for result in came)

    def remarks(self) -> str:
        """Say what the provider should not have sent."""
        parts_ = [(self._unknown, "of unknown name"), (self._twice, "twice")]
        return ", ".join(f"{count} {what}" for count, what in parts_ if count)


@dataclass(kw_only=True)
class Filling:
    """A part that is being filled."""

    asks: str
    service: BatchService
    rung: Rung
    secret: str
    price: Price | None
    price_share: float
    most_lines: int | None
    calls_left: int | None
    usd_left: float | None
    lines: list[bytes] = field(default_factory=list[bytes])
    keys: dict[str, None] = field(default_factory=dict[str, None])
    size: int = 0
    usd: float | None = None
    limit: str | None = None

    def add(self, task: Task) -> bool:
        """Add a line; False where the part is full or a limit is reached."""
        most = min(self.most_lines or self.service.limits.lines, self.service.limits.lines)
        if len(self.lines) >= most:
            return False
        if self.calls_left is not None and len(self.lines) >= self.calls_left:
            self.limit = "the limit of calls is reached"
            return False
        nonce = boundary_code(self.secret, task.key)
        line = line_of(task, self.service, rung=self.rung, nonce=nonce)
        if self.lines and self.size + len(line) + 2 > self.service.limits.bytes:
            return False
        return self._add_priced(task, line)

    def _add_priced(self, task: Task, line: bytes) -> bool:
        wanted = self._reserve(task)
        if wanted is not None:
            if self.usd_left is not None and (self.usd or 0.0) + wanted > self.usd_left:
                self.limit = "the limit of US dollars is reached"
                return False
            self.usd = (self.usd or 0.0) + wanted
        self.lines.append(line)
        self.keys[task.key] = None
        self.size += len(line) + 2
        return True

    def _reserve(self, task: Task) -> float | None:
        """Give the most that a line can cost: its prompt, and a reply of the longest kind."""
        if self.price is None:
            return None
        question = task.question("0" * 16)
        prompt = sum(len(message.content) for message in question.messages) / CHARACTERS_A_TOKEN
        whole = self.price.prompt * prompt + self.price.completion * question.max_tokens
        return whole * self.price_share


def line_of(task: Task, service: BatchService, *, rung: Rung, nonce: str) -> bytes:
    """Write the line of a task in the provider's form."""
    question = task.question(nonce)
    return service.encode(task.key, question.model_copy(update={"rung": rung}))


def batch_attempt(key: str, *, number: int, rung: Rung) -> Attempt:
    """Make the attempt that a line is, as it stands before the provider has it."""
    return Attempt(key=key, number=number, transport="batch", rung=rung)


def without_cost(made: Made) -> Made:
    """Give what another unit with the same question was told; it was paid for once."""
    usage = Usage(prompt_tokens=0, completion_tokens=0, cached_tokens=0)
    return made.model_copy(update={"usage": usage, "cost_usd": 0.0, "attempts": 0})


def slot_digest(slot: Sequence[str]) -> bytes:
    """Shorten a slot: a run of a million judgments holds all of them in memory when resumed."""
    return blake2b("\x00".join(slot).encode(), digest_size=16).digest()


def made_digest(made: Made) -> bytes:
    """Shorten the slot that a record fills."""
    return slot_digest(made.slot)


def now_text() -> str:
    """Give the UTC time in ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


# What a run would cost asked live and asked as batches, before either is chosen.

REPLY_TOKENS = 300.0
"""Tokens of one reply where none has been seen: a verdict with its reasoning."""

SHORTEST_PREFIX = 1024
"""Tokens below which providers do not keep a prefix."""

SAMPLED = 200
"""Tasks that are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPrice:
    """The two prices of a run, in US dollars, and what they rest on."""

    live_usd: float
    batch_usd: float
    prompt_tokens: float
    """Of one call, estimated."""
    prefix_tokens: float
    """Of those, the ones that all calls share and a live provider may read from its cache."""
    reply_tokens: float
    cached_share: float
    """Price of a token from the cache, as a share of the price of a fresh one."""

    @property
    def batch_is_cheaper(self) -> bool:
        """Whether to post batches, as far as money goes."""
        return self.batch_usd <= self.live_usd


def compare_prices(
    tasks: Iterable[Task],
    prices: Mapping[str, Price],
    *,
    planned: int,
    batch_share: float = 0.5,
    cached_share: float = 1.0,
    reply_tokens: float = REPLY_TOKENS,
) -> BatchPrice | None:
    """Estimate what a run costs live and as batches.

    Parameters
    ----------
    tasks : iterable of Task
        The first of them are looked at.
    prices : mapping of str to Price
        By the name that tasks ask for.
    planned : int
        Tasks in all.
    batch_share : float
        Price of a batch, as a share of the live price.
    cached_share : float
        Price of a prompt token that the live provider reads from its cache, as a share of a fresh
        one's; 1.0 where it gives no discount.
    reply_tokens : float
        Mean tokens of a reply.

    Returns
    -------
    BatchPrice or None
        None where a price is not known, or there is no task.
    """
    sampled = list(islice(tasks, SAMPLED))
    if not sampled or any(task.asks not in prices for task in sampled):
        return None
    prompt = prefix = live = batch = 0.0
    for task in sampled:
        price = prices[task.asks]
        whole, shared = _tokens(task)
        kept = shared if shared >= SHORTEST_PREFIX else 0.0
        fresh = whole - kept * (1.0 - cached_share)
        live += price.prompt * fresh + price.completion * reply_tokens
        batch += batch_share * (price.prompt * whole + price.completion * reply_tokens)
        prompt, prefix = prompt + whole, prefix + kept
    scale = planned / len(sampled)
    return BatchPrice(
        live_usd=live * scale,
        batch_usd=batch * scale,
        prompt_tokens=prompt / len(sampled),
        prefix_tokens=prefix / len(sampled),
        reply_tokens=reply_tokens,
        cached_share=cached_share,
    )


def _tokens(task: Task) -> tuple[float, float]:
    """Estimate the tokens of a call, and those of its trusted text, which all calls share."""
    messages = task.question("0" * 16).messages
    whole = sum(len(message.content) for message in messages)
    shared = sum(len(message.content) for message in messages if message.role == "system")
    return whole / CHARACTERS_A_TOKEN, shared / CHARACTERS_A_TOKEN
