"""`cvalues doctor`: say whether everything is in place, and whose it is."""

import importlib.metadata
import os
import platform
import sqlite3
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

from judge.cli import console
from judge.cli.completion import complete_rubric
from judge.cli.console import ApiKeyEnv, AsJson, BaseUrl, Concurrency, Encoding, Seed, StoreOption
from judge.files.decoding import counted

if TYPE_CHECKING:
    from judge.run.wrapping_check import Check


PACKAGES = (
    "litellm",
    "instructor",
    "pydantic",
    "tenacity",
    "pandas",
    "krippendorff",
    "numpy",
    "scipy",
    "aiohttp",
    "SQLAlchemy",
)
FORBIDDEN = {"litellm": ("1.82.7", "1.82.8", "1.107.")}
"""Releases that were malicious or are suspect; see SECURITY.md."""

OURS = ("judge", "rubrics", "calibration", "cvalues")

SAFE_SQLITE = (3, 51, 3)
"""Earlier ones may damage a log that two connections write and fold at once."""

State = Literal["ok", "remark", "wrong"]


class Finding(NamedTuple):
    """One thing that was looked at."""

    what: str
    state: State
    detail: str


def doctor(store: StoreOption = None, json_: AsJson = False) -> None:
    """Show versions and environment: keys that are set (never their values), store, problems.

    Exit code 2 when something is wrong.
    """
    findings = [
        *_versions(),
        *_imports(),
        *_keys(),
        _sqlite(),
        _store(console.store_address(store)),
    ]
    if json_:
        console.as_json([finding._asdict() for finding in findings])
    else:
        console.table(
            [finding._asdict() for finding in findings],
            {"state": "", "what": "what", "detail": "found"},
        )
    if any(finding.state == "wrong" for finding in findings):
        raise SystemExit(console.BAD_INPUT)


def _versions() -> Iterator[Finding]:
    yield Finding("python", "ok", f"{platform.python_version()} on {sys.platform}")
    for package in PACKAGES:
        try:
            version = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            yield Finding(package, "wrong", "not installed; install cvalues again")
            continue
        bad = version.startswith(FORBIDDEN.get(package, ("none",)))
        yield Finding(package, "wrong" if bad else "ok", version + (" is forbidden" if bad else ""))


def _imports() -> Iterator[Finding]:
    """Look whether our packages are ours: another distribution installs a `calibration` too."""
    home = Path(__file__).resolve().parents[2]
    for package in OURS:
        spec = find_spec(package)
        origin = Path(spec.origin).resolve() if spec and spec.origin else None
        if origin is None or home not in origin.parents:
            detail = f"is taken by {origin}; uninstall the distribution that put it there"
            yield Finding(f"import {package}", "wrong", detail)
        else:
            yield Finding(f"import {package}", "ok", str(origin.parent))


def _keys() -> Iterator[Finding]:
    names = sorted(
        n for n in os.environ if n.endswith(("_API_KEY", "_API_TOKEN")) and os.environ[n]
    )
    yield Finding("keys set", "ok" if names else "remark", ", ".join(names) or "none")


def _sqlite() -> Finding:
    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info >= SAFE_SQLITE:
        return Finding("sqlite", "ok", version)
    return Finding("sqlite", "remark", f"{version}: keep to one writing process for each store")


def _store(address: str) -> Finding:
    if "://" in address:
        return Finding("store", "ok", address.split("://", maxsplit=1)[0])
    path = Path(address)
    if not path.exists():
        return Finding("store", "remark", f"{path} will be made by the first run")
    usable = path.is_file() and os.access(path, os.R_OK | os.W_OK)
    return Finding("store", "ok" if usable else "wrong", f"{path}{'' if usable else ' not usable'}")


# `cvalues judge-check`: how far wrappings that change no content move a judge's verdict.


def judge_check(
    rubric: Annotated[
        str, typer.Option(help="Rubric id or YAML file.", autocompletion=complete_rubric)
    ],
    judge: Annotated[str, typer.Option(help="Judge model (litellm model name).")],
    base_url: BaseUrl = None,
    api_key_env: ApiKeyEnv = None,
    items: Annotated[
        Path | None, typer.Option(help="Responses (JSONL, CSV or XLSX); default: 40 bundled ones.")
    ] = None,
    encoding: Encoding = None,
    max_flips: Annotated[
        float, typer.Option(min=0, max=1, help="Maximum flip rate of a stable judge.")
    ] = 0.1,
    temperature: Annotated[float, typer.Option(min=0, max=2)] = 0.0,
    max_tokens: Annotated[
        int, typer.Option(min=16, help="Maximum tokens of a judge's reply.")
    ] = 2048,
    seed: Seed = None,
    concurrency: Concurrency = 32,
    json_: AsJson = False,
) -> None:
    """Measure how far apologies, disclaimers, layout and the like change a judge's verdicts.

    Each response is judged twice unchanged and in eight wrappings that leave its content unchanged;
    flips are counted with 95% intervals. Exit code 0: every interval is below --max-flips; 4: one
    is above; 5: undecided, use more responses.
    """
    import asyncio

    from judge.cli import console
    from judge.grading.remarks import canaries
    from judge.importers.responses import read_generations
    from judge.models.base import addressed
    from judge.records import Judge
    from judge.run.wrapping_check import check_judge, wrappers

    generations = (
        [canary.generation for canary in canaries()]
        if items is None
        else list(read_generations(items, encoding=encoding))
    )
    asked = addressed(
        Judge(
            model=judge,
            base_url=base_url,
            api_key_env=api_key_env,
            temperature=temperature,
            max_tokens=max_tokens,
            seed=seed,
        )
    )
    console.note(
        f"{counted(len(generations), 'response')}, "
        f"{counted(len(generations) * (len(wrappers()) + 2), 'call')}"
    )
    check = asyncio.run(
        check_judge(generations, rubric, asked, allowed=max_flips, concurrency=concurrency)
    )
    _show(check, as_json=json_)
    raise SystemExit(
        {"steady": console.DONE, "moved": console.UNTRUSTED, "undecided": console.INCOMPLETE}[
            check.verdict
        ]
    )


def _show(check: "Check", *, as_json: bool) -> None:
    from judge.cli import console

    if as_json:
        rows = [{**each.model_dump(), "rate": each.rate} for each in check.wrappings]
        console.as_json({**check.model_dump(), "wrappings": rows, "verdict": check.verdict})
        return
    console.table(
        [{**each.model_dump(), "rate": each.rate} for each in check.wrappings],
        {
            "wrapper": "wrapper",
            "pairs": "pairs",
            "missing": "missing",
            "flips": "flips",
            "raised": "raised",
            "rate": "rate",
            "low": "low",
            "high": "high",
            "verdict": "verdict",
        },
    )
    for outcome, count in sorted(check.reasons.items()):
        console.say(f"  {outcome}: {count}")
    stamp = "SIMULATED: " if check.simulated else ""
    console.say(
        f"{stamp}{check.judge} on {check.rubric}.{check.criterion}, "
        f"{counted(check.items, 'response')}; "
        f"at most {check.allowed:.0%} may flip: {check.verdict}"
    )


# `cvalues simulate-judge`: a judge for demonstrations and tests, on the loopback.


def simulate_judge(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port; 0 takes any free port.")
    ] = 8100,
    profile: Annotated[
        Path | None, typer.Option(help="JSON with planted truth, error rates, latency and faults.")
    ] = None,
    list_faults: Annotated[
        bool, typer.Option("--list-faults", help="List the faults that can be planted and stop.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="With --list-faults: print JSON.")] = False,
) -> None:
    """Serve a simulated judge over HTTP (OpenAI chat completions).

    Needs no key and no network, always gives the same reply to the same question, and marks every
    reply SIMULATED. A model name such as simulated+fault.hang forces a fault on one call. Stop it
    with Ctrl-C.
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
    from judge.simulated.payloads import DECISION_PAYLOADS

    kinds = (
        ("fault", FAULTS),
        ("payload", PAYLOADS),
        ("payload", DECISION_PAYLOADS),
    )
    rows = [
        {"mode": mode, "kind": kind, "does": does}
        for kind, modes in kinds
        for mode, does in modes.items()
    ]
    if as_json:
        console.as_json(rows)
    else:
        console.table(rows, {"mode": "Mode", "kind": "Kind", "does": "What it does"})
