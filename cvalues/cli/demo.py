"""`cvalues demo`: the whole process in one command."""

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
    from cvalues import demo as steps
    from judge.cli import console
    from judge.cli.console import opened
    from judge.simulated.server import simulated_server

    begun = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    console.say("SIMULATED: a demonstration with a simulated judge; no finding about any model.")
    name = datetime.now(UTC).strftime("demo-%Y%m%d-%H%M%S")
    with simulated_server(steps.planted_profile()) as server:
        judged = steps.judge(name, server.base_url, out)
        asked = steps.ask_choices(name, server.base_url, out)
        curve = steps.ask_for_probabilities(name, server.base_url, out)
    with opened(str(out / "store.db")) as store:
        page = steps.gate(store, judged, steps.believe(store, judged, out), out=out)
        page = steps.hold_knowing_against_doing(page, judged, asked)
        steps.write(page, out)
    console.say(f"page: {(out / 'report.html').resolve().as_uri()}")
    console.say(f"probabilities: {curve.resolve().as_uri()}")
    console.say(f"took {time.monotonic() - begun:.1f} s")
