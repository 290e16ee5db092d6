"""The whole pipeline on the bundled starter set, with a simulated judge over real HTTP.

Nothing here needs a key or a network, and nothing it shows is a finding about a real model: all
of it is stamped SIMULATED. The steps come first, each what one command does for a user.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal

from calibration.passport import save_passport
from cvalues.datasets.starter import (
    choice_pairs,
    load_labels,
    load_responses,
    load_truth,
    starter_file,
)
from cvalues.knowing_doing import Counted, doing_of, gaps, read_knowing, section, sizes
from cvalues.local_judge import NAME as LOCAL
from cvalues.multiple_choice.asking import choice_plan, heard
from cvalues.multiple_choice.evaluate import evaluate_choices
from cvalues.multiple_choice.items import ChoiceItem, build_items
from cvalues.taxonomy import group_names
from judge import records
from judge.calibrate.analysis import calibrate
from judge.calibrate.calibration_set import Part, Question
from judge.calibrate.from_run import material_of, parts
from judge.calibrate.passport import identity_of, issue, source_of
from judge.calibrate.probabilities import ProbabilityFinding
from judge.calibrate.result import Findings, verdict
from judge.cli import console, run_session, run_summary
from judge.cli.interface import language
from judge.cli.run_session import Done
from judge.exporters.ci import about, sentence
from judge.files.atomic import write_whole
from judge.gate.decision import conduct
from judge.policy import MEASURES, load_policy
from judge.report import Report, from_run, write_report
from judge.report.from_calibration import with_calibration, with_gate
from judge.run.plan import GeneratingPlan, JudgingPlan
from judge.run.run import Settings
from judge.simulated.openai_protocol import text_digest
from judge.simulated.profile import (
    Candidate,
    ErrorRates,
    Miscalibration,
    Pair,
    Probabilities,
    Profile,
)
from judge.store.records import Label, Run
from judge.store.store import Store, open_store

MODEL = "hosted_vllm/simulated-judge-1"
RUBRICS = ("safety", "responsibility")
RELEASES = ("release-1", "release-2")


def judge(name: str, base_url: str, out: Path) -> Done:
    """Judge both releases under two rubrics over real HTTP, with the settings of a user's run."""
    done = run_session.conduct(
        plan(base_url, out),
        Settings(),
        name=name,
        address=str(out / "store.db"),
        quiet=False,
    )
    _go_on_unless_stopped(done)
    run_summary.show(done, as_json=False)
    return done


def ask_choices(name: str, base_url: str, out: Path) -> Mapping[str, Path]:
    """Ask both releases which of two replies is better; give the file of each."""
    items = choice_items()
    written: dict[str, Path] = {}
    console.say()
    for system in RELEASES:
        done = run_session.conduct(
            choosing(items, system, base_url),
            Settings(),
            name=f"{name}-mc-{system}",
            address=str(out / "store.db"),
            quiet=True,
        )
        _go_on_unless_stopped(done)
        store = open_store(str(out / "store.db"))
        report = evaluate_choices(heard(items, store.answers(done.run)))
        store.close()
        written[system] = out / f"mc-{system}.json"
        write_whole(written[system], report.to_json() + "\n")
        if report.acc and report.acc_star:
            console.say(
                f"{system} recognises the better reply: acc {report.acc.value:.1%}, "
                f"acc* {report.acc_star.value:.1%} of {report.n} items"
            )
    return written


def _go_on_unless_stopped(done: Done) -> None:
    """End here where somebody pressed Ctrl-C: half a demonstration shows nothing."""
    if done.interrupted:
        console.fail("interrupted; start again with: cvalues demo", code=console.INTERRUPTED)


def believe(store: Store, judged: Done, out: Path) -> Report:
    """Hold the judge against the simulated experts, and issue its passport."""
    import_labels(store, judged.run)
    found, cut = calibrated(store, judged.run)
    console.say()
    for line in verdict(found):
        console.say(line)
    passport = issue(
        found,
        cut,
        identity_of(judged.run.manifest),
        design="random",
        today=datetime.now(UTC).date(),
        source=source_of(store, judged.run, tuple(store.labels(judged.run))),
    )
    save_passport(passport, out / "passport.json")
    return with_calibration(from_run(store, judged.run, group_names=group_names()), found, cut)


def gate(store: Store, judged: Done, page: Report, *, out: Path) -> Report:
    """Put the newer release before the bundled policy."""
    path = out / "policy.yaml"
    path.write_bytes(policy_file().read_bytes())
    today = datetime.now(UTC).date()
    policy = load_policy(path, today=today)
    old, new = (f"{judged.run.name}:{system}" for system in RELEASES)
    decided = conduct(
        store,
        old,
        new,
        policy=policy,
        passport=out / "passport.json",
        today=today,
        allow_simulated=True,
    )
    console.say()
    console.say(sentence(decided.report))
    for line in about(decided.report):
        console.say(line)
    console.table(
        [{**each.model_dump(), "group": each.group or "all"} for each in decided.report.checks],
        {"name": "check", "group": "group", "decision": "decision", "why": "why"},
    )
    return with_gate(page, decided.report, policy)


def ask_for_probabilities(name: str, base_url: str, out: Path) -> Path:
    """Judge safety once more by typed questions, and hold the probabilities against the experts.

    The simulated decision model is too sure of itself, which the calibration curve of the page
    shows; no number of the other page rests on it.
    """
    done = run_session.conduct(
        plan(base_url, out, rubrics=RUBRICS[:1], api="decisions"),
        Settings(),
        name=f"{name}-probabilities",
        address=str(out / "store.db"),
        quiet=True,
    )
    _go_on_unless_stopped(done)
    store = open_store(str(out / "store.db"))
    try:
        import_labels(store, done.run)
        found, cut = calibrated(store, done.run)
        page = with_calibration(from_run(store, done.run, group_names=group_names()), found, cut)
    finally:
        store.close()
    path = out / "probabilities.html"
    write_report(path, page)
    console.say()
    for one in found.overall:
        if one.probabilities is not None:
            console.say(_said_of_probabilities(one.system, one.probabilities))
    return path


def _said_of_probabilities(system: str, found: ProbabilityFinding) -> str:
    error = found.error
    says = "rank passes above fails" if found.informative else "carry no information"
    return (
        f"{system}: the judge's probabilities {says}; calibration error {error.value:.1%} "
        f"[{error.low:.1%}, {error.high:.1%}] on {error.n_labelled} labels"
    )


def hold_knowing_against_doing(page: Report, judged: Done, asked: Mapping[str, Path]) -> Report:
    """Join what the releases recognise with what they do."""
    measure = MEASURES["safety_rate"]
    knowing: dict[str, dict[str, Counted]] = {
        system: read_knowing(path) for system, path in asked.items()
    }
    doing = {system: doing_of(judged.cells, system, measure) for system in knowing}
    shown = section(gaps(knowing, doing), sizes(knowing, doing))
    console.say(shown.lead.of(language()))
    return replace(page, knowing=shown)


def write(page: Report, out: Path) -> None:
    """Write the page."""
    write_report(out / "report.html", page)


FEW = 12
"""Responses that the small model judges: a few minutes on one core."""


def judge_locally(name: str, base_url: str, out: Path) -> Done:
    """Have the small model on this machine judge a few English responses under one rubric."""
    from judge.cli.judge import plan_of

    path = out / "responses.jsonl"
    rows = [each for each in load_responses() if each.lang == "en"]
    # From all scenarios and both releases, whose responses take turns in the file.
    chosen = [rows[number * len(rows) // FEW + number % 2] for number in range(FEW)]
    write_whole(path, "".join(f"{each.model_dump_json(exclude_none=True)}\n" for each in chosen))
    judge = records.Judge(model=f"hosted_vllm/{LOCAL}", base_url=base_url, max_tokens=512)
    done = run_session.conduct(
        plan_of(
            path,
            "safety",
            (judge,),
            lang=None,
            default_lang="en",
            encoding=None,
            repeats=1,
            pairwise=False,
        ),
        Settings(concurrency=1, deadline=900.0, max_attempts=2),
        name=name,
        address=str(out / "store.db"),
        quiet=False,
    )
    _go_on_unless_stopped(done)
    run_summary.show(done, as_json=False)
    return done


def say_how_bad(store: Store, judged: Done) -> Report:
    """Hold the small model against the labels, and say plainly how often it was right."""
    units = {each.unit for each in store.generations(judged.run)}
    truth = {(each.id, each.system, each.sample): each.scores["safe"] for each in load_truth()}
    labels = [
        Label(
            id=unit[0],
            system=unit[1],
            sample=unit[2],
            rater="simulated-truth",
            criterion="safe",
            score=float(truth[unit]),
            source="starter",
        )
        for unit in sorted(units)
    ]
    store.add_labels(judged.run, labels)
    agreed = [
        given.score == truth[judgment.unit]
        for judgment in store.judgments(judged.run)
        for given in judgment.verdicts
        if given.criterion == "safe" and given.kind == "scored"
    ]
    scored, right = len(agreed), sum(agreed)
    safe = sum(truth[unit] == 1 for unit in units)
    console.say()
    console.say(
        f"{LOCAL} gave {scored} verdicts of {len(units)} on 'safe' and agrees with the planted "
        f"truth on {right}; always saying 'safe' would agree on {safe}. It is far too small to "
        "judge: use the way, not the scores."
    )
    page = from_run(store, judged.run, group_names=group_names())
    found, cut = calibrated(store, judged.run)
    for line in verdict(found):
        console.say(line)
    return with_calibration(page, found, cut)


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
        probabilities=Probabilities(
            sharpness=2.0, miscalibration=(Miscalibration(criterion="safe", factor=2.5),)
        ),
    )


def plan(
    base_url: str,
    folder: Path,
    *,
    rubrics: tuple[str, ...] = RUBRICS,
    api: Literal["chat", "decisions"] = "chat",
) -> JudgingPlan:
    """Ask for both releases to be judged.

    Parameters
    ----------
    base_url : str
        Of the simulated judge.
    folder : Path
        Gets a copy of the responses, so that a reader sees what was judged.
    rubrics : tuple of str
    api : {"chat", "decisions"}
        How the judge is asked.
    """
    from judge.cli.judge import plan_of

    path = folder / "responses.jsonl"
    path.write_bytes(starter_file("responses.jsonl").read_bytes())
    judge = records.Judge(model=MODEL, base_url=base_url, api=api)
    return plan_of(
        path,
        ",".join(rubrics),
        (judge,),
        lang=None,
        default_lang="en",
        encoding=None,
        repeats=1,
        pairwise=False,
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
