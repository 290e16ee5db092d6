"""Files are whole or not there, whatever happens while they are written."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from judge.errors import ConfigError
from judge.files.atomic import replacing, require_places, write_whole


def test_a_file_is_written_whole_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "报告.html"

    write_whole(path, "好\r\n")

    assert path.read_bytes() == "好\r\n".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["报告.html"]


def test_a_mode_is_kept_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "a.md"

    write_whole(path, b"x", mode=0o644)

    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_place_is_tried_before_anything_is_written_there(tmp_path: Path) -> None:
    path = tmp_path / "a.json"

    require_places(None, path)

    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConfigError, match=r"no/a\.json: cannot be written: No such file"):
        require_places(path, tmp_path / "no" / "a.json")


def write_half(path: Path) -> None:
    with replacing(path) as file:
        file.write(b"new")
        raise RuntimeError("half-way")


def test_an_error_leaves_what_stood_there(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_whole(path, "old")

    with pytest.raises(RuntimeError, match="half-way"):
        write_half(path)

    assert path.read_text(encoding="utf-8") == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_a_killed_program_leaves_what_stood_there(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_whole(path, "old")
    program = (
        "import os, sys; from pathlib import Path; from judge.files.atomic import replacing\n"
        "with replacing(Path(sys.argv[1])) as file:\n"
        "    file.write(b'new'); file.flush(); os._exit(9)\n"
    )

    ended = subprocess.run([sys.executable, "-c", program, str(path)], check=False)

    assert ended.returncode == 9
    assert path.read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize("name", ["link", "folder"])
def test_links_and_folders_are_not_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ConfigError, match="this is a link, folder or device"):
        write_whole(tmp_path / name, "x")

    assert not (tmp_path / "elsewhere").exists()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no/a\.json: cannot be written: No such file"):
        write_whole(tmp_path / "no" / "a.json", "x")


def test_what_is_no_ordinary_file_is_never_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    with pytest.raises(ConfigError, match="this is a link, folder or device"):
        write_whole(pipe, "x")

    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert [file.name for file in tmp_path.iterdir()] == ["pipe"]
