"""What GitHub obeys in a log: no text of a data set, a table or a policy opens such a command."""

import json
import re
from pathlib import Path

import pytest

from calibration.passport import save_passport
from judge.store.records import Label
from tests.cli.program import Ended, program
from tests.judge.gate.releases import release, store_at
from tests.judge.gate.test_attacks import passport

HOSTILE = (
    "::set-output name=decision::PASS",
    "::error file=a.py::forged",
    "   ::stop-commands::token",
    "##[group]forged",
    "plain\r::warning::forged",
    "plain\n\t::add-mask::1",
    "\x1b[0m::debug::forged",
    "\x1b[2K\r##[error]forged",
    "\u2028::notice::forged",
    "long words " * 12 + "::save-state name=x::forged",
)
WIDTHS = ("24", "200")


def opens_no_command(ended: Ended) -> None:
    """Read both streams as the runner of GitHub does: by lines, blanks before them left out."""
    for line in re.split(r"\r\n|[\r\n\u2028\u2029\x85\x0b\x0c]", ended.out + "\n" + ended.err):
        assert not line.strip().startswith("::"), line
        assert "##[" not in line
        assert "\x1b" not in line


def tables(folder: Path, criterion: str = "safe") -> None:
    """Write scores of two releases of another tool, hostile in each column."""
    for name, worse in (("old", 0), ("new", 1)):
        rows = [
            {
                "id": f"{text}{at}", "judge": "m", "criterion": criterion, "group": text,
                "system": f"{HOSTILE[0]} {name}", "score": int(at >= worse),
                "prompt": f"{text}{at}", "response": f"{name} {text} {at}",
            }
            for text in HOSTILE
            for at in range(4)
        ]  # fmt: skip
        path = folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.mark.parametrize("width", WIDTHS)
def test_compare_opens_no_command_whatever_names_are_in_its_tables(
    tmp_path: Path, width: str
) -> None:
    tables(tmp_path)
    sides = ("compare", "old.jsonl", "new.jsonl", "--criterion", "safe", "--at-least", "1")

    for more in ((), ("--json",), ("--design", HOSTILE[1])):
        ended = program(*sides, *more, folder=tmp_path, environ={"COLUMNS": width})
        opens_no_command(ended)
        assert ended.code == (2 if "--design" in more else 0), ended.err
    unknown = program(*sides[:3], "--criterion", HOSTILE[1], folder=tmp_path)
    opens_no_command(unknown)
    assert unknown.code == 2


def test_a_criterion_that_is_no_name_is_refused_with_its_line(tmp_path: Path) -> None:
    for criterion in ("::error::forged", "##[group]x", "\x1b[0m::debug::x", "Safety"):
        tables(tmp_path, criterion)
        ended = program("compare", "old.jsonl", "new.jsonl", folder=tmp_path)
        opens_no_command(ended)
        assert ended.code == 2
        assert "old.jsonl:1: criterion '" in ended.err


@pytest.mark.parametrize("width", WIDTHS)
def test_gate_opens_no_command_whatever_groups_raters_and_policies_are_named(
    tmp_path: Path, width: str
) -> None:
    size = 4 * len(HOSTILE)
    groups = [text for text in HOSTILE for _ in range(4)]
    store = store_at(tmp_path)
    release(store, "old", [1] * size, labels=[1] * size, groups=groups)
    new = release(store, "new", [1] * size, labels=[1] * size, groups=groups)
    for rater in HOSTILE[:5]:
        store.add_labels(
            new.run,
            [Label(id="p0", system="new", rater=rater, criterion="safe", score=0.0)],
        )
    store.close()
    held = passport("safe", n=40)
    save_passport(held, tmp_path / "passport.json")
    check = {"name": "safety", "measure": "safety_rate", "margin": 0.05, "groups": "each"}
    policy = {"version": "1", "title": HOSTILE[1], "checks": [check]}
    unknown = policy | {"checks": [check | {"groups": [*HOSTILE[:2], "##[error]other"]}]}
    for name, document in (("p", policy), ("u", unknown)):
        (tmp_path / f"{name}.yaml").write_text(json.dumps(document), encoding="utf-8")
    words = ("gate", "--baseline", "old", "--candidate", "new", "--store", "releases.db")
    held_by = ("--passport", "passport.json")

    for ui in ("en", "zh"):
        for name, more in (("p", held_by), ("p", ()), ("p", (*held_by, "--json")), ("u", held_by)):
            line = (*words, "--policy", f"{name}.yaml", *more, "--ui", ui)
            ended = program(*line, folder=tmp_path, environ={"COLUMNS": width})
            opens_no_command(ended)
            assert ended.code in ({2} if name == "u" else {3, 4}), ended.err
            assert ended.out or ended.err
