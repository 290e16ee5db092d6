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
    real: Annotated[
        bool,
        typer.Option(
            "--real",
            help="Judge twelve responses with a small real model on this machine instead.",
        ),
    ] = False,
    conversations: Annotated[
        bool,
        typer.Option("--conversations", help="Judge the bundled dialogues instead."),
    ] = False,
    threads: Annotated[
        int, typer.Option(min=1, help="Threads of the small model, with --real.")
    ] = 2,
) -> None:
    """Run the whole pipeline on the bundled starter set with a simulated judge; write a page.

    Needs no key and no network. Everything it makes is stamped SIMULATED. With --real a small
    model judges, by llama.cpp, and the page shows how it does against the labels. With
    --conversations dialogues and traces of agents are judged, whole and reply by reply.
    """
    if real:
        _really(out, threads=threads)
        return
    if conversations:
        _conversations(out)
        return
    from cvalues import demo as steps
    from judge.cli import console
    from judge.cli.console import opened
    from judge.files.atomic import make_folder
    from judge.simulated.server import simulated_server

    begun = time.monotonic()
    make_folder(out)
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


def _really(out: Path, *, threads: int) -> None:
    from cvalues import demo as steps
    from cvalues.local_judge import local_server
    from judge.cli import console
    from judge.cli.console import opened
    from judge.files.atomic import make_folder

    begun = time.monotonic()
    make_folder(out)
    with local_server(Path.home() / ".cache" / "cvalues", threads=threads) as base_url:
        name = datetime.now(UTC).strftime("real-%Y%m%d-%H%M%S")
        judged = steps.judge_locally(name, base_url, out)
    with opened(str(out / "store.db")) as store:
        steps.write(steps.say_how_bad(store, judged), out)
    console.say(f"page: {(out / 'report.html').resolve().as_uri()}")
    console.say(f"took {time.monotonic() - begun:.1f} s")


def _conversations(out: Path) -> None:
    from cvalues import conversations_demo as steps
    from judge.cli import console
    from judge.cli.console import opened
    from judge.files.atomic import make_folder
    from judge.simulated.server import simulated_server

    begun = time.monotonic()
    make_folder(out)
    console.say("SIMULATED: a demonstration with a simulated judge; no finding about any model.")
    name = datetime.now(UTC).strftime("dialogues-%Y%m%d-%H%M%S")
    with simulated_server(steps.planted_profile()) as server:
        whole = steps.judge(name, server.base_url, out)
        turns = steps.judge(f"{name}-turns", server.base_url, out, unit="each-reply")
    pages = {out / "conversations.html": whole, out / "turns.html": turns}
    with opened(str(out / "store.db")) as store:
        for path, judged in pages.items():
            steps.calibrated_page(store, judged, path)
    for path in pages:
        console.say(f"page: {path.resolve().as_uri()}")
    console.say(f"took {time.monotonic() - begun:.1f} s")
