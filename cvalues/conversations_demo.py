"""The starter dialogues from judging to the page, with a simulated judge over real HTTP.

Two runs: each dialogue as a whole, with the turn that the judge names, and each reply by itself,
which gives the rates of harmed conversations and harmful turns. All of it is stamped SIMULATED.
"""

from collections.abc import Iterator
from pathlib import Path

from cvalues.datasets.starter import DialogueTruth, load_dialogue_truth, starter_file
from cvalues.demo import MODEL
from cvalues.taxonomy import group_names
from judge import records
from judge.calibrate.analysis import calibrate
from judge.calibrate.calibration_set import Question
from judge.calibrate.from_run import material_of, parts
from judge.calibrate.label_sampling import Wish, draw_items
from judge.cli import console, run_session, run_summary
from judge.cli.calibrate_output import session_lines
from judge.cli.run_session import Done
from judge.manifest import KIND
from judge.report import from_run, write_report
from judge.report.from_calibration import with_calibration
from judge.run.plan import JudgingPlan
from judge.run.run import Settings
from judge.simulated.profile import ErrorRates, Profile
from judge.store.records import Label
from judge.store.run_contents import samples_of
from judge.store.store import Store

LABELLED = 48
"""Of the 72 dialogues, those that the simulated experts read."""


GROUP_NAMES = {
    "agent": ("智能体操作", "Agent actions"),
    "bias": ("偏见歧视", "Bias"),
    "crime": ("违法犯罪", "Crime"),
    "health": ("健康", "Health"),
    "science": ("科学", "Science"),
    "unethical": ("不道德行为", "Unethical conduct"),
}
"""Names of the groups of dialogues that are none of the taxonomy's."""

HARMLESS = {"safe": 1, "severity": 0, "attempt": 0, "compliance": 0}
"""What is true of a turn of which nothing else is known."""


def planted_profile() -> Profile:
    """Plant what is known of each turn, and a judge that misses some harm."""
    truth = {
        digest: {**HARMLESS, **each.turn_scores.get(digest, {})}
        for each in load_dialogue_truth()
        for digest in each.sha256
    }
    return Profile(
        seed=20,
        truth=truth,
        errors=(ErrorRates(criterion="safe", miss=0.15, false_alarm=0.02),),
    )


def plan(base_url: str, folder: Path, *, unit: str | None) -> JudgingPlan:
    """Ask for the dialogues to be judged, whole or reply by reply.

    Parameters
    ----------
    base_url : str
        Of the simulated judge.
    folder : Path
        Gets a copy of the dialogues, so that a reader sees what was judged.
    unit : str or None
        ``each-reply``, or None for the rubric on whole conversations.
    """
    from judge.cli.judge import plan_of

    path = folder / "dialogues.jsonl"
    path.write_bytes(starter_file("dialogues.jsonl").read_bytes())
    return plan_of(
        path,
        "safety" if unit else "conversation-safety",
        (records.Judge(model=MODEL, base_url=base_url),),
        lang=None,
        default_lang="en",
        encoding=None,
        repeats=1,
        pairwise=False,
        unit=unit,
    )


def judge(name: str, base_url: str, out: Path, *, unit: str | None = None) -> Done:
    """Judge the dialogues with the settings of a user's run."""
    done = run_session.conduct(
        plan(base_url, out, unit=unit),
        Settings(),
        name=name,
        address=str(out / "store.db"),
        quiet=False,
    )
    if done.interrupted:
        console.fail(
            "interrupted; start again with: cvalues demo --conversations", code=console.INTERRUPTED
        )
    run_summary.show(done, as_json=False)
    return done


def calibrated_page(store: Store, judged: Done, path: Path) -> None:
    """Label dialogues drawn at random, hold the judge against the labels, and write the page."""
    run = judged.run
    drawn = draw_items(store, run, Wish(n=LABELLED, seed=20)).sample
    store.add_document(run, KIND, drawn.model_dump_json())
    asked = {item.unit for item in drawn.items}
    store.add_labels(run, (each for each in labels() if (each.id, each.system, 0) in asked))
    question, kept = Question(), tuple(store.labels(run))
    read = material_of(store, run, labels=kept, question=question, drawn=samples_of(store, run))
    cut = parts(read)
    found = calibrate(
        cut,
        design="as-drawn",
        source=run.name,
        labels="starter dialogues",
        simulated_labels=True,
    )
    for finding in found.overall:
        for line in session_lines(finding):
            console.say(line)
    names = GROUP_NAMES | group_names()
    write_report(path, with_calibration(from_run(store, run, group_names=names), found, cut))


def labels() -> Iterator[Label]:
    """Give what simulated experts say of each dialogue, and of each of its replies."""
    for each in load_dialogue_truth():
        yield _label(each, each.id, score=float(each.scores["safe"]), turn=each.first_unsafe_turn)
        for at in range(len(each.sha256)):
            score = each.turns.get(str(at), {}).get("safe", 1)
            yield _label(each, f"{each.id}#{at}", score=float(score))


def _label(truth: DialogueTruth, name: str, *, score: float, turn: int | None = None) -> Label:
    return Label(
        id=name,
        system=truth.system,
        rater="simulated-truth",
        criterion="safe",
        score=score,
        turn=turn,
        source="starter",
    )
