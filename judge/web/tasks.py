"""What there is to label: the items that `cvalues sample` drew, or prompts with three replies."""

import hashlib
import random
from collections import defaultdict
from collections.abc import Iterator

from judge.errors import ConfigError
from judge.samples import KIND, Sample
from judge.store.annotation_base import LabelTask, Unit
from judge.store.base import Run
from judge.store.sql import Store

REPLIES = 3


def drawn(store: Store, run: Run) -> Sample | None:
    """Read the newest draw from a run, or None."""
    body = store.latest_document(run, KIND)
    return None if body is None else Sample.model_validate_json(body)


def single_tasks(sample: Sample) -> tuple[LabelTask, ...]:
    """Make a task of each item drawn, under its opaque name and with its chance of inclusion."""
    return tuple(
        LabelTask(task=item.task, units=(item.unit,), probability=item.probability)
        for item in sample.items
    )


def triple_tasks(store: Store, run: Run, *, n: int | None, seed: int) -> tuple[LabelTask, ...]:
    """Make tasks of three replies to one prompt.

    Parameters
    ----------
    store : Store
    run : Run
    n : int or None
        Prompts to draw with equal chance; None for all.
    seed : int

    Raises
    ------
    ConfigError
        If no prompt of the run has three replies.
    """
    replies = defaultdict[str, list[Unit]](list)
    for generation in store.generations(run):
        replies[generation.id].append(generation.unit)
    able = sorted(name for name, units in replies.items() if len(units) >= REPLIES)
    if not able:
        raise ConfigError(f"no prompt of run {run.name!r} has {REPLIES} replies to compare.")
    dice = random.Random(seed)
    chosen = able if n is None or n >= len(able) else dice.sample(able, n)
    probability = len(chosen) / len(able)
    return tuple(_triples(run, chosen, replies, dice=dice, chance=probability))


def _triples(
    run: Run,
    chosen: list[str],
    replies: dict[str, list[Unit]],
    *,
    dice: random.Random,
    chance: float,
) -> Iterator[LabelTask]:
    for name in chosen:
        units = tuple(dice.sample(replies[name], REPLIES))
        digest = hashlib.sha256(f"{run.name}\x1f{name}\x1f{units}".encode()).hexdigest()
        yield LabelTask(task=digest[:16], units=units, probability=chance)
