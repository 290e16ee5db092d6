"""The steps of the demonstration, each what one command does for a user."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from calibration.passport_file import save_passport
from cvalues import demo as road
from cvalues.choice_asking import heard
from cvalues.knowing import Counted, doing_of, gaps, read_knowing, section, sizes
from cvalues.multiple_choice import evaluate_choices
from cvalues.taxonomy import GROUPS
from judge.cli import console, session
from judge.cli.session import Done
from judge.exporters.atomic import write_whole
from judge.exporters.gate_files import sentence
from judge.gate.conduct import conduct
from judge.policy import MEASURES, load_policy
from judge.report import Report, from_run, write_report
from judge.report.from_calibration import with_belief
from judge.report.from_gate import with_decision
from judge.run import Settings
from judge.store.sql import Store, open_store
from judge.trust.identity import identity_of
from judge.trust.issue import issue
from judge.trust.wording import verdict


def judge(name: str, base_url: str, out: Path) -> Done:
    """Judge both releases under two rubrics, through litellm and over real HTTP."""
    done = session.conduct(
        road.plan(base_url, out),
        Settings(transport="litellm"),
        name=name,
        address=str(out / "store.db"),
        quiet=False,
    )
    _go_on_unless_stopped(done)
    session.show(done, as_json=False)
    return done


def ask_choices(name: str, base_url: str, out: Path) -> Mapping[str, Path]:
    """Ask both releases which of two replies is better; give the file of each."""
    items = road.choice_items()
    written: dict[str, Path] = {}
    console.say()
    for system in road.RELEASES:
        done = session.conduct(
            road.choosing(items, system, base_url),
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
    road.import_labels(store, judged.run)
    found, cut = road.calibrated(store, judged.run)
    console.say()
    for line in verdict(found):
        console.say(line)
    passport = issue(
        found,
        cut,
        identity_of(judged.run.manifest),
        design="random",
        today=datetime.now(UTC).date(),
    )
    save_passport(passport, out / "passport.json")
    names = {group.key: (group.name_zh, group.name_en) for group in GROUPS}
    return with_belief(from_run(store, judged.run, group_names=names), found, cut)


def gate(store: Store, judged: Done, page: Report, out: Path) -> Report:
    """Put the newer release before the bundled policy."""
    path = out / "policy.yaml"
    path.write_bytes(road.policy_file().read_bytes())
    today = datetime.now(UTC).date()
    policy = load_policy(path, today=today)
    old, new = (f"{judged.run.name}:{system}" for system in road.RELEASES)
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
    console.table(
        [{**each.model_dump(), "group": each.group or "all"} for each in decided.report.checks],
        {"name": "check", "group": "group", "decision": "decision", "why": "why"},
    )
    return with_decision(page, decided.report, policy)


def hold_knowing_against_doing(page: Report, judged: Done, asked: Mapping[str, Path]) -> Report:
    """Join what the releases recognise with what they do."""
    measure = MEASURES["safety_rate"]
    knowing: dict[str, dict[str, Counted]] = {
        system: read_knowing(path) for system, path in asked.items()
    }
    doing = {system: doing_of(judged.cells, system, measure) for system in knowing}
    shown = section(gaps(knowing, doing), sizes(knowing, doing))
    console.say(shown.lead.en)
    return page.model_copy(update={"knowing": shown})


def write(page: Report, out: Path) -> None:
    """Write the page."""
    write_report(out / "report.html", page)
