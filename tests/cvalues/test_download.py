"""One file over real HTTP: whole, cut, resumed, refused."""

from pathlib import Path

import pytest

from cvalues.datasets.fetch import ATTEMPTS, FetchError, check_address, download
from judge.errors import ConfigError
from tests.cvalues.file_server import serving

CONTENT = bytes(range(256)) * 4_000


def test_a_file_arrives_whole(tmp_path: Path) -> None:
    part = tmp_path / "a.part"

    with serving({"/a": CONTENT}) as server:
        download(f"{server.address}/a", part)

    assert part.read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["a.part"]


def test_a_cut_connection_is_gone_on_from(tmp_path: Path) -> None:
    part = tmp_path / "a.part"

    with serving({"/a": CONTENT}, cut_after=300_000) as server:
        download(f"{server.address}/a", part)

    assert part.read_bytes() == CONTENT
    assert server.asked == ["", "bytes=300000-", "bytes=600000-", "bytes=900000-"]


def test_a_later_call_goes_on_where_an_earlier_one_ended(tmp_path: Path) -> None:
    part = tmp_path / "a.part"
    with serving({"/a": CONTENT}, cut_after=1_000) as server:
        with pytest.raises(FetchError, match=f"cut {ATTEMPTS} times; {ATTEMPTS * 1_000} bytes"):
            download(f"{server.address}/a", part)
        server.cut_after = 0
        server.asked.clear()

        download(f"{server.address}/a", part)

    assert part.read_bytes() == CONTENT
    assert server.asked == [f"bytes={ATTEMPTS * 1_000}-"]


def test_a_file_that_changed_in_between_is_fetched_anew(tmp_path: Path) -> None:
    part = tmp_path / "a.part"
    with serving({"/a": CONTENT}, cut_after=1_000) as server:
        with pytest.raises(FetchError):
            download(f"{server.address}/a", part)
        server.files["/a"] = CONTENT[::-1]
        server.etag, server.cut_after = '"2"', 0

        download(f"{server.address}/a", part)

    assert part.read_bytes() == CONTENT[::-1]


def test_a_beginning_from_another_address_is_not_gone_on_from(tmp_path: Path) -> None:
    part = tmp_path / "a.part"
    part.write_bytes(b"something else")

    with serving({"/a": CONTENT}) as server:
        download(f"{server.address}/a", part)

    assert part.read_bytes() == CONTENT


def test_a_whole_file_that_was_kept_is_not_fetched_again(tmp_path: Path) -> None:
    part = tmp_path / "a.part"
    with serving({"/a": CONTENT}) as server:
        url = f"{server.address}/a"
        part.write_bytes(CONTENT)
        part.with_name("a.part.note").write_text(f'{{"url": "{url}", "etag": ""}}')

        download(url, part)

    assert part.read_bytes() == CONTENT
    assert server.asked == [f"bytes={len(CONTENT)}-"]


def test_a_kept_beginning_longer_than_the_file_is_thrown_away(tmp_path: Path) -> None:
    part = tmp_path / "a.part"
    with serving({"/a": CONTENT}) as server:
        url = f"{server.address}/a"
        part.write_bytes(CONTENT + b"more")
        part.with_name("a.part.note").write_text(f'{{"url": "{url}", "etag": ""}}')

        download(url, part)

    assert part.read_bytes() == CONTENT


def test_a_server_without_ranges_is_asked_once_and_not_for_ever(tmp_path: Path) -> None:
    with (
        serving({"/a": CONTENT}, cut_after=1_000, ranges=False) as server,
        pytest.raises(FetchError, match="it sends no more; 1000 bytes are kept"),
    ):
        download(f"{server.address}/a", tmp_path / "a.part")

    assert len(server.asked) == 2


def test_a_file_of_unannounced_length_is_taken_as_it_comes(tmp_path: Path) -> None:
    part = tmp_path / "a.part"

    with serving({"/a": CONTENT}, length=False) as server:
        download(f"{server.address}/a", part)

    assert part.read_bytes() == CONTENT


def test_a_refusal_ends_the_download_at_once(tmp_path: Path) -> None:
    with serving({}) as server, pytest.raises(FetchError, match="it answered 404"):
        download(f"{server.address}/a", tmp_path / "a.part")

    assert len(server.asked) == 1


def test_a_server_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    with serving({}) as server:
        gone = server.address

    with pytest.raises(FetchError, match=r"127\.0\.0\.1: .*refused"):
        download(f"{gone}/a", tmp_path / "a.part")


def test_a_redirect_is_followed(tmp_path: Path) -> None:
    part = tmp_path / "a.part"

    with serving({"/a": CONTENT}, redirect={"/old": "/a"}) as server:
        download(f"{server.address}/old", part)

    assert part.read_bytes() == CONTENT


def test_a_redirect_to_another_scheme_is_not_followed(tmp_path: Path) -> None:
    with (
        serving({}, redirect={"/old": "file:///etc/passwd"}) as server,
        pytest.raises((ConfigError, FetchError)),
    ):
        download(f"{server.address}/old", tmp_path / "a.part")

    assert not (tmp_path / "a.part").exists()


def test_more_bytes_than_the_file_can_have_stop_the_download(tmp_path: Path) -> None:
    with serving({"/a": CONTENT}) as server, pytest.raises(ConfigError, match="more than 10 bytes"):
        download(f"{server.address}/a", tmp_path / "a.part", most=10)


def test_a_packed_body_is_refused(tmp_path: Path) -> None:
    with (
        serving({"/a": CONTENT}, packed=True) as server,
        pytest.raises(ConfigError, match="packed"),
    ):
        download(f"{server.address}/a", tmp_path / "a.part")


def test_a_link_in_the_place_of_the_part_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_bytes(b"mine")
    part = tmp_path / "a.part"
    part.symlink_to(target)

    with serving({"/a": CONTENT}) as server, pytest.raises(FetchError):
        download(f"{server.address}/a", part)

    assert target.read_bytes() == b"mine"


def test_progress_is_told_in_bytes(tmp_path: Path) -> None:
    told: list[int] = []

    with serving({"/a": CONTENT}) as server:
        download(f"{server.address}/a", tmp_path / "a.part", progress=told.append)

    assert told == sorted(told)
    assert told[-1] == len(CONTENT)


@pytest.mark.parametrize("url", ["ftp://host/a", "file:///a", "a.jsonl", "https://"])
def test_an_address_that_cannot_be_used_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="no http or https address"):
        check_address(url)
