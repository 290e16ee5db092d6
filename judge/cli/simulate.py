"""`cvalues simulate-judge`: a judge for demonstrations and tests, on the loopback."""

from pathlib import Path
from typing import Annotated

import typer


def simulate_judge(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8100,
    profile: Annotated[
        Path | None, typer.Option(help="JSON with planted truth, errors, latency and faults.")
    ] = None,
    list_faults: Annotated[
        bool, typer.Option("--list-faults", help="Print the modes that can be planted, and stop.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="With --list-faults: as JSON.")] = False,
) -> None:
    """Serve a simulated judge over HTTP that speaks OpenAI chat completions.

    It needs no key and no network, always gives the same answer to the same question, and stamps
    all it says SIMULATED. A model name such as simulated+fault.hang forces a fault on one call.
    Stop it with Ctrl-C.
    """
    from judge.cli import console
    from judge.simulated import Profile, ProfileError, load_profile
    from judge.simulated.server import serve_until_stopped

    if list_faults:
        _print_modes(as_json=json_)
        return
    try:
        planted = load_profile(profile) if profile else Profile()
    except ProfileError as error:
        console.fail(str(error))
    try:
        total = serve_until_stopped(planted, port, lambda url: _announce(url, planted.served_model))
    except OSError as error:
        console.fail(f"port {port}: {error.strerror}; choose another with --port, or 0.")
    console.say(f"stopped after {total} chat completions")


def _announce(base_url: str, model: str) -> None:
    import sys

    from judge.cli import console

    console.say("SIMULATED judge: nothing that it says is a real model's judgment.")
    console.say(f"base URL: {base_url}")
    console.say("use it with:")
    console.say(
        f"  OPENAI_API_KEY=simulated cvalues judge RESPONSES.jsonl --rubric safety "
        f"--judge openai/{model} --base-url {base_url} --run try-out"
    )
    # A program that waits for the address reads it through a pipe.
    sys.stdout.flush()


def _print_modes(*, as_json: bool) -> None:
    from judge.cli import console
    from judge.simulated import FAULTS, PAYLOADS

    kinds = (("fault", FAULTS), ("payload", PAYLOADS))
    rows = [
        {"mode": mode, "kind": kind, "does": does}
        for kind, modes in kinds
        for mode, does in modes.items()
    ]
    if as_json:
        console.as_json(rows)
    else:
        console.table(rows, {"mode": "Mode", "kind": "Kind", "does": "What it does"})
