"""How often `cvalues improve` is right: planted clauses found, noise left alone, gains covered.

The whole search runs (partition, gepa, guards, selection, seal, proof) against judges and experts
that are planted in this process, so that many seeds take minutes. Seeds are fixed.

    python benchmarks/improve.py [--quick] [--seeds 100] [--null-seeds 400] [--labels 150]
"""

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from judge.improve.cases import Case, prompt_key
from judge.improve.evaluation import Judged, Reflection, Setup
from judge.improve.partition import Parted, Shares, make_partition
from judge.improve.proposers import ByGepa
from judge.improve.search import Context, MemoryLedger, Outcome, Wishes, improve
from judge.records import Generation, digest
from rubrics import load_rubric
from rubrics.reply_schema import rubric_digest

CLAUSE = (
    "A response that names a dose of a medicine counts as unsafe, whatever advice surrounds it."
)
IDLE = "Weigh every passage of the response by itself before the whole."
COPYING = "The rule is what {text} shows."


@dataclass(frozen=True, kw_only=True)
class World:
    """What is planted.

    Attributes
    ----------
    labels : int
    silent : float
        Share of the prompts on which experts follow a rule that the rubric does not have.
    judge_error, expert_error : float
        How often each errs, at random.
    noise : bool
        Whether the experts' labels are drawn by a coin and mean nothing.
    """

    labels: int = 150
    silent: float = 0.35
    judge_error: float = 0.08
    expert_error: float = 0.05
    noise: bool = False
    reflection: str = "honest"


def cases_of(world: World, seed: int) -> tuple[Case, ...]:
    """Draw prompts with experts' labels and the old judge's verdicts."""
    rng = np.random.default_rng([seed, 7])
    rows: list[Case] = []
    for number in range(world.labels):
        touched = bool(rng.random() < world.silent)
        safe = bool(rng.random() < 0.6)
        words = [digest([seed, number, at])[:6] for at in range(14)]
        text = f"{'dose' if touched else 'plain'} {' '.join(words)} {'ok' if safe else 'bad'}"
        generation = Generation(
            id=f"p{number}", prompt=f"about {' '.join(words[:5])}", response=text, lang="en"
        )
        truth = 0 if touched else int(safe)
        label = int(rng.random() < 0.5) if world.noise else truth
        if not world.noise and rng.random() < world.expert_error:
            label = 1 - label
        key = prompt_key(generation)
        rows.append(
            Case(
                generation=generation,
                cluster=key,
                prompts=(key,),
                labels={"safe": float(label)},
                verdicts={"safe": float(said(generation, knows=False, world=world, round_=""))},
            )
        )
    return tuple(rows)


def said(generation: Generation, *, knows: bool, world: World, round_: str) -> int:
    """Give the planted judge's verdict; it errs alike each time but for the proof's own round."""
    touched, safe = generation.response.startswith("dose"), generation.response.endswith("ok")
    truth = 0 if touched and knows else int(safe)
    # An error of this judge on this text, whichever rubric it reads.
    draw = int(digest([generation.response, "error", bool(round_)])[:8], 16) / 2**32
    return 1 - truth if draw < world.judge_error else truth


class PlantedEngine:
    """Judges and a reflection model that obey planted clauses; see `Engine`."""

    def __init__(self, world: World, seed: int) -> None:
        self.calls = 0
        self.usd = 0.0
        self._world = world
        self._known: dict[tuple[str, ...], Judged] = {}
        self._rng = np.random.default_rng([seed, 11])

    async def judge(
        self, setups: Sequence[Setup], cases: Sequence[Case], *, fresh: str = ""
    ) -> tuple[tuple[Judged, ...], ...]:
        """Judge; canaries are known by heart."""
        return tuple(tuple(self._kept(setup, case, fresh) for case in cases) for setup in setups)

    def missing(self, setups: Sequence[Setup], cases: Sequence[Case]) -> int:
        """Count what was not asked yet."""
        wanted = {_place(setup, case, "") for setup in setups for case in cases}
        return len(wanted - self._known.keys())

    def _kept(self, setup: Setup, case: Case, fresh: str) -> Judged:
        place = _place(setup, case, fresh)
        if place not in self._known:
            self._known[place] = self._one(setup, case, fresh)
        return self._known[place]

    def _one(self, setup: Setup, case: Case, fresh: str) -> Judged:
        self.calls += 1
        if case.generation.system == "canary":
            levels = {name: int(level) for name, level in case.labels.items()}
            return Judged(levels=levels, provenance="SIMULATED")
        definition = setup.rubric.model_dump_json()
        knows = CLAUSE in definition
        level = said(case.generation, knows=knows, world=self._world, round_=fresh)
        return Judged(levels={"safe": level, "severity": 0}, provenance="SIMULATED")

    async def reflect(self, request: Reflection) -> str | None:
        """Propose the clause where a case shows it, otherwise words without effect."""
        self.calls += 1
        shown = json.loads(request.material["cases"])
        if self._world.reflection == "copying":
            return COPYING.format(text=shown[0]["response"])
        wrong = [row for row in shown if row["grader"] != row["experts"]]
        clear = [row for row in wrong if row["response"].startswith("dose")]
        present = request.material["present_text"]
        added = CLAUSE if len(clear) >= 2 else f"{IDLE} {self._rng.integers(1000)}"
        return f"```\n{present} {added}\n```".replace("\n ", "\n")


def _place(setup: Setup, case: Case, fresh: str) -> tuple[str, ...]:
    return (rubric_digest(setup.rubric), *setup.judges, fresh, *map(str, case.unit))


async def one(world: World, seed: int) -> tuple[Outcome, float]:
    """Run one search; give its outcome and the true gain of its candidate."""
    rubric = load_rubric("safety", language="en")
    cases = cases_of(world, seed)
    ledger, engine = MemoryLedger(), PlantedEngine(world, seed)
    partition = make_partition(cases, rubric=rubric.id, seed=seed, shares=Shares())
    ledger.place(partition)
    context = Context(
        engine=engine,
        old=Setup(rubric=rubric, judges=("planted",)),
        ledger=ledger,
        wishes=Wishes(proposers=(ByGepa(rounds=8),), seed=seed),
        n_judged=2000,
    )
    outcome = await improve(context, Parted(cases, partition))
    knows = outcome.new is not None and CLAUSE in outcome.new.model_dump_json()
    return outcome, true_gain(world) if knows else 0.0


def true_gain(world: World) -> float:
    """Give the clause's gain in agreement over the whole population of prompts.

    Of touched prompts the experts say unsafe but for their error e; 60 % look safe. The old judge
    says what they look like but for its error j, the new one says unsafe but for j.
    """
    if world.noise:
        return 0.0
    e, j = world.expert_error, world.judge_error
    right = (1 - e) * (1 - j) + e * j
    looks_safe = (1 - e) * j + e * (1 - j)
    return world.silent * 0.6 * (right - looks_safe)


def tally(name: str, world: World, seeds: range) -> dict[str, float | int | str]:
    """Run many seeds."""
    runs = [asyncio.run(one(world, seed)) for seed in seeds]
    opened = [(outcome, gain) for outcome, gain in runs if outcome.criteria]
    covered = [
        each.gain.low - 1e-9 <= gain <= each.gain.high + 1e-9
        for outcome, gain in opened
        for each in outcome.criteria
        if each.criterion == "safe"
    ]
    shrinkage = [each.shrinkage or 0.0 for outcome, _ in opened for each in outcome.criteria]
    return {
        "setting": name,
        "seeds": len(runs),
        "better": sum(outcome.verdict == "BETTER" for outcome, _ in runs) / len(runs),
        "worse": sum(outcome.verdict == "WORSE" for outcome, _ in runs) / len(runs),
        "opened": len(opened) / len(runs),
        "covered": sum(covered) / len(covered) if covered else float("nan"),
        "intervals": len(covered),
        "shrinkage": float(np.mean(shrinkage)) if shrinkage else float("nan"),
        "calls": float(np.mean([outcome.calls for outcome, _ in runs])),
    }


def main() -> None:
    """Print a table and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--null-seeds", type=int, default=400)
    parser.add_argument("--labels", type=int, default=150)
    parser.add_argument("--small", action="store_true", help="also a clause on fewer prompts")
    parser.add_argument("--out", type=Path, default=Path("bench/improve.json"))
    asked = parser.parse_args()
    seeds = range(5 if asked.quick else asked.seeds)
    nulls = range(5 if asked.quick else asked.null_seeds)
    less = World(labels=asked.labels, silent=0.2)
    small = [tally("small clause, 20 % of prompts", less, seeds)] if asked.small else []
    rows = [
        tally("planted clause, 35 % of prompts", World(labels=asked.labels), seeds),
        tally("pure noise labels", World(labels=asked.labels, noise=True), nulls),
        tally("copying model", World(labels=asked.labels, reflection="copying"), seeds),
        *small,
    ]
    for row in rows:
        print(
            "  ".join(
                f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()
            )
        )
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(rows, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
