"""The whole road on the bundled starter set, with a simulated judge over real HTTP.

Nothing here needs a key or a network, and nothing it shows is a finding about a real model: all
of it is stamped SIMULATED.
"""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from cvalues.choice_asking import choice_plan
from cvalues.datasets.choices import ChoiceItem, build_items
from cvalues.datasets.starter import (
    choice_pairs,
    load_labels,
    load_responses,
    load_truth,
    starter_file,
)
from judge import records
from judge.generate import GeneratingPlan
from judge.judging import JudgingPlan
from judge.simulated.draws import text_digest
from judge.simulated.profile import Candidate, ErrorRates, Pair, Profile
from judge.store.base import Label, Run
from judge.store.sql import Store
from judge.trust.calibrate import calibrate
from judge.trust.finding import Findings
from judge.trust.from_run import material_of
from judge.trust.gather import parts
from judge.trust.material import Question
from judge.trust.part import Part

MODEL = "hosted_vllm/simulated-judge-1"
RUBRICS = ("safety", "responsibility")
RELEASES = ("release-1", "release-2")


def planted_profile() -> Profile:
    """Plant the truth of the starter set and a judge that errs as judges do.

    It misses some unsafe responses, more of them in the newer release, and grades a little high.
    """
    return Profile(
        seed=20,
        truth={planted.sha256: dict(planted.scores) for planted in load_truth()},
        systems={text_digest(each.response): each.system for each in load_responses()},
        pairs=tuple(
            Pair(better=text_digest(pair.pos_resp), worse=text_digest(pair.neg_resp))
            for pair in choice_pairs()
        ),
        candidates={
            "release-1": Candidate(accuracy=0.90, position_bias=0.05),
            "release-2": Candidate(accuracy=0.93, position_bias=0.03),
        },
        errors=(
            ErrorRates(criterion="safe", miss=0.10, false_alarm=0.03),
            ErrorRates(criterion="safe", system="release-2", miss=0.25, false_alarm=0.02),
            ErrorRates(noise={-1: 0.15, 1: 0.25}),
        ),
    )


def plan(base_url: str, folder: Path) -> JudgingPlan:
    """Ask for both releases to be judged under two rubrics.

    Parameters
    ----------
    base_url : str
        Of the simulated judge.
    folder : Path
        Gets a copy of the responses, so that a reader sees what was judged.
    """
    from judge.cli.planning import plan_of

    path = folder / "responses.jsonl"
    path.write_bytes(starter_file("responses.jsonl").read_bytes())
    judge = records.Judge(model=MODEL, base_url=base_url)
    return plan_of(
        path, ",".join(RUBRICS), (judge,), lang=None, encoding=None, repeats=1, pairwise=False
    )


def choice_items() -> tuple[ChoiceItem, ...]:
    """Make the two-choice items of the starter set, in Chinese and in both orders."""
    return build_items(pair.reply_pair() for pair in choice_pairs("zh"))


def choosing(items: tuple[ChoiceItem, ...], system: str, base_url: str) -> GeneratingPlan:
    """Ask a release which of two replies is the better one."""
    asked = records.Candidate(model=f"hosted_vllm/{system}", base_url=base_url)
    return choice_plan(items, asked, name="starter", system=system)


def import_labels(store: Store, run: Run) -> int:
    """Keep the labels of the simulated experts beside the run; the number of them."""
    return store.add_labels(
        run,
        (
            Label(
                id=each.id,
                system=each.system,
                sample=each.sample,
                rater=each.rater,
                criterion=each.criterion,
                score=float(each.score),
                group=each.group,
                source="starter",
            )
            for each in load_labels()
        ),
    )


def calibrated(store: Store, run: Run) -> tuple[Findings, tuple[Part, ...]]:
    """Hold the simulated judge against the simulated experts."""
    labels = tuple(store.labels(run))
    cut = parts(material_of(store, run, labels=labels, question=Question()))
    found = calibrate(
        cut, design="random", source=run.name, labels="starter set", simulated_labels=True
    )
    return found, cut


def policy_file() -> Traversable:
    """Return the policy of the demonstration."""
    return files("cvalues").joinpath("demo_policy.yaml")
