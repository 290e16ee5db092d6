"""What a run would cost asked live and asked as batches, before either is chosen.

A batch is billed at half the price, and usually without the discount for prefixes that were read
before; live calls share a rubric's text as such a prefix. With long rubrics, short replies and a
provider that gives nine tenths off, live is the cheaper way.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from judge.models.limits import Price
from judge.run.scheduler import Task

CHARACTERS_A_TOKEN = 2.0
"""Guess for mixed Chinese and English text."""

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
