"""Opening a store: by several programs at once, and at a file that another program keeps."""

import hashlib
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from judge.errors import ConfigError, StoreError
from judge.manifest import Manifest, Source
from judge.store.store import open_store

PROGRAMS = 4
OPENING = """
import sys
from judge.manifest import Manifest, Source
from judge.store.store import open_store
sys.stdin.readline()
store = open_store(sys.argv[1])
source = Source(name="r.jsonl", sha256="0" * 64, rows=0)
store.create_run(sys.argv[2], Manifest(source=source, planned=0), generations=())
store.close()
"""


def test_several_programs_make_a_store_together(tmp_path: Path) -> None:
    address = str(tmp_path / "store.db")
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", OPENING, address, f"run-{number}"],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(PROGRAMS)
    ]
    for program in programs:
        assert program.stdin is not None
        program.stdin.write("go\n")
        program.stdin.flush()

    ends = [(each.communicate(timeout=300)[1], each.returncode) for each in programs]

    assert ends == [("", 0)] * PROGRAMS
    store = open_store(address)
    assert sorted(run.name for run in store.runs()) == [f"run-{n}" for n in range(PROGRAMS)]
    store.close()


FOREIGN = (
    "CREATE TABLE runs(x)",
    "CREATE TABLE documents(a, b); INSERT INTO documents VALUES (1, 2)",
    "PRAGMA application_id = 1196444487; CREATE TABLE features(id)",
    "CREATE VIEW everything AS SELECT 1",
)


@pytest.mark.parametrize("content", FOREIGN)
def test_the_database_of_another_program_is_refused_untouched(tmp_path: Path, content: str) -> None:
    file = tmp_path / "other.db"
    connection = sqlite3.connect(file)
    connection.executescript(content)
    connection.close()
    file.chmod(0o644)
    before = hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_mode

    with pytest.raises((ConfigError, StoreError), match="another program"):
        open_store(str(file))

    assert (hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_mode) == before
    assert [each.name for each in tmp_path.iterdir()] == ["other.db"]


def test_a_store_in_memory_is_refused_before_anything_is_paid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigError, match="name a file with --store"):
        open_store(":memory:")

    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", ["a record", "a page"])
def test_a_damaged_store_is_named_in_one_line(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "store.db"
    store = open_store(str(file))
    source = Source(name="r.jsonl", sha256="0" * 64, rows=0)
    store.create_run("r", Manifest(source=source, planned=0), generations=())
    store.close()
    if damage == "a record":
        connection = sqlite3.connect(file)
        with connection:
            connection.execute("UPDATE runs SET manifest = '{}'")
        connection.close()
    else:
        content = bytearray(file.read_bytes())
        content[4096 : 4096 * 6] = b"\xff" * (4096 * 5)
        file.write_bytes(content)

    with pytest.raises(StoreError, match=r"store\.db"):
        open_store(str(file)).runs()
