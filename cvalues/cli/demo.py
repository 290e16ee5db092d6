"""`cvalues demo`: the whole road in one command."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the store and the page.")] = Path(
        "cvalues-demo"
    ),
) -> None:
    """Judge the bundled starter set with a simulated judge, and write a page.

    Needs no key and no network. Everything it makes is stamped SIMULATED.
    """
    from cvalues import demo as road
    from cvalues.taxonomy import GROUPS
    from judge.cli import console, session
    from judge.cli.stores import opened
    from judge.report import from_run, write_report
    from judge.report.from_calibration import with_belief
    from judge.run import Settings
    from judge.simulated.threaded import simulated_server
    from judge.trust.wording import verdict

    begun = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    console.say("SIMULATED: a demonstration with a simulated judge; no finding about any model.")
    address = str(out / "store.db")
    with simulated_server(road.planted_profile()) as server:
        done = session.conduct(
            road.plan(server.base_url, out),
            Settings(transport="litellm"),
            name=datetime.now(UTC).strftime("demo-%Y%m%d-%H%M%S"),
            address=address,
            quiet=False,
        )
    session.show(done, as_json=False)
    names = {group.key: (group.name_zh, group.name_en) for group in GROUPS}
    with opened(address) as store:
        road.import_labels(store, done.run)
        found, cut = road.calibrated(store, done.run)
        page = with_belief(from_run(store, done.run, group_names=names), found, cut)
        write_report(out / "report.html", page)
    console.say()
    for line in verdict(found):
        console.say(line)
    console.say(f"page: {(out / 'report.html').resolve().as_uri()}")
    console.say(f"took {time.monotonic() - begun:.1f} s")
