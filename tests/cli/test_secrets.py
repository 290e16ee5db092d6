"""Keys put in twelve places are in nothing that the program writes or prints."""

import base64
import json
from pathlib import Path
from urllib.parse import quote

import pytest

from judge.simulated.profile import PlannedFault, Profile
from judge.simulated.server import simulated_server
from tests.cli.program import Ended, program

SURROUNDINGS = {
    "OPENAI_API_KEY": "sk-canary01aaaaaaaaaaaaaaaaaaaaaaaa",
    "ANTHROPIC_API_KEY": "sk-ant-canary02bbbbbbbbbbbbbbbbbbbb",
    "GEMINI_API_KEY": "AIzacanary03cccccccccccccccccccccccc",
    "AWS_ACCESS_KEY_ID": "AKIACANARY04DDDDDDDD",
    "AWS_SECRET_ACCESS_KEY": "canary05/eeeeeeeeeeeeeeeeeeeeee+eeeeeee",
    "AZURE_API_KEY": "canary06ffffffffffffffffffffffff",
    "DASHSCOPE_API_KEY": "sk-canary07gggggggggggggggggggggg",
    "MY_OWN_KEY": "Bearer-canary08hhhhhhhhhhhhhhhhhhhh",
    "HF_TOKEN": "hf_canary09iiiiiiiiiiiiiiiiiiiiiiiii",
}
"""In the environment: the key in use, one under a name of the user's, and others about."""

AS_OPTION = "sk-canary10jjjjjjjjjjjjjjjjjjjjjjjjjj"
IN_ADDRESS = "canary11kkkkkkkkkkkkkkkk"
IN_STORE = "canary12llllllllllllllll"
EVERY = (*SURROUNDINGS.values(), AS_OPTION, IN_ADDRESS, IN_STORE)

ECHOES = Profile(
    faults=(
        PlannedFault(mode="http_401_echo_key", requests=(2,)),
        PlannedFault(mode="http_429_echo_key", requests=(4,)),
        PlannedFault(mode="http_500", requests=(6,)),
    ),
    retry_after=0.01,
)


def forms(key: str) -> list[bytes]:
    """Write a key as it is, as a part of an address, and in base 64."""
    coded = base64.b64encode(key.encode()).rstrip(b"=")
    return [key.encode(), quote(key, safe="").encode(), coded]


def found(content: bytes) -> list[str]:
    return [key for key in EVERY if any(form in content for form in forms(key))]


def said(ended: Ended) -> bytes:
    return (ended.out + ended.err).encode()


def responses(folder: Path) -> Path:
    path = folder / "responses.jsonl"
    rows = [
        {"id": f"p{n}", "prompt": f"问题 {n}？", "response": f"第 {n} 条回答。", "lang": "zh"}
        for n in range(8)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("transport", ["direct", pytest.param("litellm", marks=pytest.mark.slow)])
def test_no_key_is_in_what_a_run_with_echoing_faults_leaves(tmp_path: Path, transport: str) -> None:
    path = responses(tmp_path)
    printed = b""

    with simulated_server(ECHOES) as server:
        for run, more in (("own", ["--api-key-env", "MY_OWN_KEY"]), ("usual", [])):
            ended = program(
                *["judge", path, "--rubric", "safety", "--judge", "openai/simulated-judge-1"],
                *["--base-url", server.base_url, "--run", run, "--transport", transport],
                *["--concurrency", "1", "--no-cache", *more],
                folder=tmp_path,
                environ=SURROUNDINGS,
            )
            assert "planned" in ended.out
            printed += said(ended)
    for words in (
        ["export", "own", "--what", "verdicts", "--format", "csv", "--out", "verdicts.csv"],
        ["export", "own", "--what", "attempts", "--format", "jsonl", "--out", "attempts.jsonl"],
        ["report", "own", "--out", "page.html"],
        ["doctor", "--json"],
    ):
        printed += said(program(*words, folder=tmp_path, environ=SURROUNDINGS))

    left = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert {"store.db", "verdicts.csv", "attempts.jsonl", "page.html"} <= {f.name for f in left}
    assert found(printed) == []
    assert {file.name: found(file.read_bytes()) for file in left} == {f.name: [] for f in left}


@pytest.mark.parametrize(
    "words",
    [
        ["--api-key-env", AS_OPTION],
        ["--base-url", f"http://user:{IN_ADDRESS}@127.0.0.1:9/v1"],
        ["--base-url", f"http://127.0.0.1:9/v1?key={IN_ADDRESS}"],
        ["--store", f"postgresql+psycopg://user:{IN_STORE}@127.0.0.1:9/store"],
    ],
)
def test_a_key_in_an_option_is_not_repeated_and_not_kept(tmp_path: Path, words: list[str]) -> None:
    ended = program(
        *["judge", responses(tmp_path), "--rubric", "safety", "--judge", "openai/simulated-1"],
        *["--max-attempts", "1", "--timeout", "2", *words],
        folder=tmp_path,
        environ=SURROUNDINGS,
    )

    assert ended.code in {2, 5}
    assert found(said(ended)) == []
    left = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert {file.name: found(file.read_bytes()) for file in left} == {f.name: [] for f in left}
