"""Data sets: where they come from, what is accepted, what is reported."""

import hashlib
import json
from pathlib import Path

import pytest

from cvalues.datasets.fetch import RECEIPT, FetchError, data_set, data_sets, fetch, fetched_file
from judge.errors import ConfigError
from tests.cvalues.file_server import serving
from tests.shared_material import shared_file

PROMPTS = ("data", "cvalues", "cvalues_responsibility_prompts.jsonl")
MC = ("data", "cvalues", "cvalues_responsibility_mc.reconstructed.jsonl")
XSTEST = ("data", "upstream", "xstest")


def poison(rows: int = 906, **changes: str) -> bytes:
    """Make a file in the shape of 100PoisonMpts, which has no known checksum."""
    row = {"prompt": "问", "answer": "答"} | changes
    return b"".join(json.dumps(row | {"n": n}).encode() + b"\n" for n in range(rows))


def test_every_file_has_a_secure_address_a_number_of_rows_and_columns() -> None:
    files = [file for wanted in data_sets().values() for file in wanted.files]

    assert all(file.url.startswith("https://") and file.rows > 0 for file in files)
    assert all(len(file.columns) >= 2 for file in files)
    assert list(data_sets()) == [
        "cvalues-prompts",
        "cvalues-mc",
        "cvalues-comparison",
        "100poisonmpts",
        "xstest",
    ]


def test_files_on_github_are_pinned_to_a_commit_and_a_checksum() -> None:
    files = [file for wanted in data_sets().values() for file in wanted.files]
    github = [file for file in files if "githubusercontent" in file.url]

    assert len(github) == 12
    assert all(len(file.url.split("/")[5]) == 40 and file.pinned for file in github)


def test_a_name_that_is_not_known_gets_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean cvalues-mc"):
        data_set("cvalues-cm")


def test_a_data_set_that_is_not_here_names_the_command_that_fetches_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="fetch it with: cvalues fetch cvalues-mc"):
        fetched_file("cvalues-mc", folder=tmp_path)


# From the publishers' own files.


def test_the_released_prompts_are_known_by_their_checksum(tmp_path: Path) -> None:
    fetched = fetch("cvalues-prompts", source=str(shared_file(*PROMPTS)), folder=tmp_path)

    assert [(file.rows, file.known, file.remark) for file in fetched.files] == [(664, True, None)]
    assert fetched_file("cvalues-prompts", folder=tmp_path).stat().st_size == 102_859


def test_a_reconstruction_of_the_multi_choice_set_is_taken_and_called_one(tmp_path: Path) -> None:
    fetched = fetch("cvalues-mc", source=str(shared_file(*MC)), folder=tmp_path)

    assert fetched.files[0].rows == 1_712
    assert "reconstruction" in (fetched.files[0].remark or "")


def test_a_folder_gives_all_files_of_a_data_set(tmp_path: Path) -> None:
    fetched = fetch("xstest", source=str(shared_file(*XSTEST)), folder=tmp_path)

    assert [file.rows for file in fetched.files] == [450] * 10


def test_a_data_set_that_is_here_is_not_fetched_again(tmp_path: Path) -> None:
    first = fetch("cvalues-prompts", source=str(shared_file(*PROMPTS)), folder=tmp_path)

    assert fetch("cvalues-prompts", folder=tmp_path).files == first.files


def test_a_changed_file_of_a_known_checksum_is_not_accepted(tmp_path: Path) -> None:
    changed = tmp_path / "changed.jsonl"
    changed.write_bytes(shared_file(*PROMPTS).read_bytes().replace(b"law", b"LAW", 1))

    with pytest.raises(ConfigError, match="not the one that is published; not accepted"):
        fetch("cvalues-prompts", source=str(changed), folder=tmp_path)

    assert not (tmp_path / "cvalues-prompts").exists()


def test_a_file_that_was_spoilt_on_the_disk_is_noticed(tmp_path: Path) -> None:
    fetch("cvalues-prompts", source=str(shared_file(*PROMPTS)), folder=tmp_path)
    fetched_file("cvalues-prompts", folder=tmp_path).write_bytes(b"{}\n")

    with pytest.raises(ConfigError, match="remove it and run: cvalues fetch cvalues-prompts"):
        fetch("cvalues-prompts", folder=tmp_path)


def test_several_files_cannot_come_from_one(tmp_path: Path) -> None:
    one = shared_file(*XSTEST, "xstest_v2_completions_gpt4_gpteval.csv")

    with pytest.raises(ConfigError, match="xstest has 10 files; name their folder"):
        fetch("xstest", source=str(one), folder=tmp_path)


# From a mirror.


def test_a_mirror_is_asked_for_the_file_by_its_name(tmp_path: Path) -> None:
    with serving({"/m/train.jsonl": poison()}) as server:
        fetched = fetch("100poisonmpts", source=f"{server.address}/m/", folder=tmp_path)

    file = fetched.files[0]
    assert (file.rows, file.known) == (906, False)
    assert file.sha256 == hashlib.sha256(poison()).hexdigest()


def test_a_cut_download_goes_on_with_the_same_command(tmp_path: Path) -> None:
    with serving({"/train.jsonl": poison()}, cut_after=500) as server:
        with pytest.raises(FetchError, match="to go on: cvalues fetch 100poisonmpts --from http"):
            fetch("100poisonmpts", source=server.address, folder=tmp_path)
        server.cut_after = 0
        server.asked.clear()

        fetched = fetch("100poisonmpts", source=server.address, folder=tmp_path)

    assert fetched.files[0].rows == 906
    assert server.asked == ["bytes=10000-"]
    kept = sorted(path.name for path in (tmp_path / "100poisonmpts").iterdir())
    assert kept == [RECEIPT, "train.jsonl"]


def test_a_server_without_the_file_leads_to_the_publishers_own_tool(tmp_path: Path) -> None:
    advice = "or modelscope download --dataset damo/100PoisonMpts --local_dir FOLDER and then"

    with serving({}) as server, pytest.raises(FetchError, match=advice):
        fetch("100poisonmpts", source=server.address, folder=tmp_path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (poison(905), "905 rows where 906 are published"),
        (poison(907), "907 rows where 906 are published"),
        (poison().replace(b"answer", b"anwser", 1), "train.jsonl:1: no column 'answer'"),
        (poison()[:-20], "train.jsonl:906: "),
        (b"<html>busy</html>", "train.jsonl:1: "),
    ],
)
def test_a_changed_upstream_is_reported_and_not_accepted(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    with serving({"/train.jsonl": content}) as server, pytest.raises(ConfigError) as refused:
        fetch("100poisonmpts", source=server.address, folder=tmp_path)

    assert complaint in str(refused.value)
    assert "not accepted as 100poisonmpts" in str(refused.value)
    assert list((tmp_path / "100poisonmpts").glob("*.jsonl")) == []


def test_another_content_than_at_first_is_not_accepted(tmp_path: Path) -> None:
    with serving({"/train.jsonl": poison()}) as server:
        fetch("100poisonmpts", source=server.address, folder=tmp_path)
        server.files["/train.jsonl"] = poison(answer="别的")

        with pytest.raises(ConfigError, match=r"it was [0-9a-f]{64}; not accepted"):
            fetch("100poisonmpts", source=server.address, folder=tmp_path)

    assert fetched_file("100poisonmpts", folder=tmp_path).read_bytes() == poison()


def test_progress_is_told_by_file(tmp_path: Path) -> None:
    told: list[tuple[str, int]] = []

    with serving({"/train.jsonl": poison()}) as server:
        fetch(
            "100poisonmpts",
            source=server.address,
            folder=tmp_path,
            report=lambda name, count: told.append((name, count)),
        )

    assert told[-1] == ("train.jsonl", len(poison()))


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("nowhere", "nowhere: no such file or folder"),
        (".", r"\.: has no file train\.jsonl"),
        ("ftp://host/x", "no http or https address"),
    ],
)
def test_a_source_that_cannot_be_used_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, *, complaint: str
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigError, match=complaint):
        fetch("100poisonmpts", source=source, folder=tmp_path)


def test_a_receipt_of_something_else_is_not_taken(tmp_path: Path) -> None:
    place = tmp_path / "100poisonmpts"
    place.mkdir()
    (place / RECEIPT).write_text("{}", encoding="utf-8")

    with pytest.raises(ConfigError, match="not a receipt of this program"):
        fetch("100poisonmpts", folder=tmp_path)
