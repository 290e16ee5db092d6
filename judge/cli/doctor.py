"""`cvalues doctor`: say whether everything is in place, and whose it is."""

import importlib.metadata
import os
import platform
import sqlite3
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple

from judge.cli import console
from judge.cli.options import AsJson, StoreOption

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
    """Say versions, which keys are set (never their values), and what stands in the way.

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
