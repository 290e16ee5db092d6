"""`cvalues verify`: whether a passport, an exported run or a label file fits what it names."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from judge.cli.completion import complete_run
from judge.cli.console import AsJson, Encoding, StoreOption

if TYPE_CHECKING:
    from judge.store.records import Run
    from judge.store.store import Store

Findings = dict[str, object]

_STATES = {None: "no seal", True: "as exported", False: "CHANGED"}
"""What is said of a run by whether it is as it was exported."""


def verify(
    file: Annotated[
        Path,
        typer.Argument(
            help="A passport (.json), a run (.db from cvalues export --what run), or labels."
        ),
    ],
    run: Annotated[
        str | None,
        typer.Option(
            help="Run that the labels belong to; a passport names its own.",
            autocompletion=complete_run,
        ),
    ] = None,
    store: StoreOption = None,
    encoding: Encoding = None,
    json_: AsJson = False,
) -> None:
    """Check a passport, run or label file against what it names; print digests for a policy.

    Exit code 0: everything that could be checked matches; 4: something was changed. A digest shows
    that a file was changed, not by whom; pin what must not change in the policy.
    """
    from judge.cli import console

    if not file.is_file():
        console.fail(f"{file}: no such file; name a passport, an exported run or labels.")
    with file.open("rb") as opened:
        head = opened.read(16)
    if head.startswith(b"SQLite format 3"):
        found = _of_run_file(file)
    elif file.suffix.lower() == ".json" and run is None:
        found = _of_passport(file, store)
    else:
        found = _of_labels(file, run, store=store, encoding=encoding)
    if json_:
        console.as_json(found)
    else:
        for name, value in found.items():
            console.say(f"{name}: {value}")
    raise SystemExit(console.DONE if found["fits"] else console.UNTRUSTED)


def _of_passport(file: Path, address: str | None) -> Findings:
    from calibration.passport import load_passport
    from judge.cli.console import opened, store_address

    held = load_passport(file)
    found: Findings = {"passport": held.digest, "judge": held.identity.name}
    found["holds"] = f"{held.issued} to {held.expires}"
    basis = held.basis
    if basis is None:
        return {**found, "basis": "the passport does not say what it rests on", "fits": True}
    if not Path(store_address(address)).exists() and "://" not in store_address(address):
        return {**found, "basis": f"run {basis.run}: no store here to hold it against"} | {
            "fits": True
        }
    with opened(address) as store:
        run = store.find_run(basis.run)
        if run is None:
            return {**found, "basis": f"run {basis.run} is not in this store", "fits": True}
        present = _digests(store, run)
    differing = [name for name, digest in present.items() if digest != getattr(basis, name)]
    said = f"run {basis.run}: {', '.join(differing)} changed since" if differing else basis.run
    return {**found, "basis": said, "fits": not differing}


def _of_run_file(file: Path) -> Findings:
    from judge.store.digests import data_digest, is_as_exported, side_digest
    from judge.store.store import open_store

    store = open_store(str(file))
    found: Findings = {}
    fits = True
    try:
        for run in store.runs():
            whole = is_as_exported(store, run)
            fits = fits and whole is not False
            found[f"run {run.name}"] = _STATES[whole]
            systems = dict.fromkeys(each.system for each in store.generations(run))
            for system in systems:
                found[f"data {run.name}:{system}"] = data_digest(store, run, system=system)
                found[f"baseline {run.name}:{system}"] = side_digest(store, run, system=system)
    finally:
        store.close()
    return {**found, "fits": fits}


def _of_labels(file: Path, run: str | None, *, store: str | None, encoding: str | None) -> Findings:
    from judge.cli.console import opened, run_named
    from judge.cli.labels import labels_for
    from judge.errors import ConfigError

    if run is None:
        raise ConfigError("labels are held against a run; name it with --run.")
    with opened(store) as kept:
        read = labels_for(kept, run_named(kept, run), file, encoding=encoding)
    bound = sum(label.text_sha256 is not None for label in read)
    ruled = sum(label.rubric_hash is not None for label in read)
    return {
        "labels": len(read),
        "with the digest of the text": bound,
        "with the digest of the rubric": ruled,
        "fits": True,
    }


def _digests(store: "Store", run: "Run") -> dict[str, str]:
    from judge.store.digests import basis_digests

    return basis_digests(store, run)
