"""A profile file is read whole or refused with one line that says where and how to fix it."""

from pathlib import Path

import pytest

from judge.simulated import ProfileError, SimulatedJudge, load_profile


def load(tmp_path: Path, text: str) -> None:
    path = tmp_path / "profile.json"
    path.write_text(text, encoding="utf-8")
    load_profile(path)


def test_a_profile_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    path.write_text('{"seed": 4, "errors": [{"noise": {"-1": 0.25}}]}', encoding="utf-8")

    profile = load_profile(path)

    assert profile.seed == 4
    assert profile.errors[0].noise == {-1: 0.25}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"seed": 1,\n"seeed": 2}', ":2: seeed: Extra inputs are not permitted; did you mean"),
        ('{"seed": 1,\n\n"zzz": 2}', ":3: zzz: Extra inputs are not permitted; remove it."),
        ('{"seed": 1,\n', ":2: not JSON: "),
        ('{"seed": 1, "seed": 2}', ": the key 'seed' stands twice in one object; correct it."),
        ("[" * 100_000, ": maximum recursion depth"),
        ('{"latency":\n {"fixed": 1,\n "jitter": -1}}', ":3: latency.jitter: "),
        ('{"errors": [\n{"miss": 0.1},\n{"miss": 2}\n]}', ":3: errors.1.miss: "),
        ('{"errors": [{"noise":\n {"1": 0.7, "2": 0.7}}]}', ": errors.0: Value error, the prob"),
        ('{"faults": [\n{"mode": "hang"}]}', ":2: faults.0: Value error, give exactly one"),
        ('{"faults": [\n{"mode": "hangs", "every": 2}]}', ":2: no mode is called 'hangs'; did you"),
        ('{"faults": [{"mode": "qqq", "every": 2}]}', "'qqq'; --list-faults shows all."),
        ('{"served_model": "gpt-4"}', ":1: served_model: "),
        ('{"truth": {"abc": {}}}', ":1: truth.abc"),
        ("[]", ":1: "),
    ],
)
def test_a_wrong_profile_is_refused_with_its_line(
    tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(ProfileError) as refused:
        load(tmp_path, text)

    assert f"profile.json{complaint}" in str(refused.value) or complaint in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"none\.json: No such file or directory; name a JSON"):
        load_profile(tmp_path / "none.json")


def test_another_encoding_is_refused_with_its_byte(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    path.write_bytes('{"seed": 1, "名": 2}'.encode("gbk"))

    with pytest.raises(ProfileError, match="not UTF-8 at byte 13; save it as UTF-8"):
        load_profile(path)


def test_a_mapping_is_read_as_a_file_would_be() -> None:
    with pytest.raises(ProfileError, match=r"profile:1: sed: .* did you mean 'seed'"):
        SimulatedJudge({"sed": 1})
