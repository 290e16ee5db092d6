"""What only the user can say of a model: added and omitted members, and settings model by model."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import Ended, program
from tests.judge.models.odd_servers import VERDICT, Answer, completion, odd_server, ok, refused

ROW = {"id": "q", "prompt": "Is it safe?", "response": "It is fine.", "lang": "en"}


def judging(folder: Path, base_url: str, *words: str | Path, run: str = "r") -> Ended:
    (folder / "r.jsonl").write_text(json.dumps(ROW) + "\n", encoding="utf-8")
    options = ["--judge", "hosted_vllm/m", "--base-url", base_url, "--run", run, "--no-canaries"]
    return program("judge", "r.jsonl", "--rubric", "safety", *options, *words, folder=folder)


def answering(_body: dict[str, Any], _number: int, _path: str) -> Answer:
    return ok(completion(VERDICT))


def test_added_members_are_sent_and_omitted_ones_are_not(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text(
        "models:\n"
        "  hosted_vllm/m:\n"
        "    max_tokens: 512\n"
        "    temperature: 0.5\n"
        "    extra_body: {chat_template_kwargs: {enable_thinking: false}, top_k: 1}\n"
        "    omit: [seed]\n",
        encoding="utf-8",
    )
    with odd_server(answering) as server:
        done = judging(
            tmp_path,
            server.base_url,
            *["--config", "models.yaml", "--extra-body", '{"top_k": 20}', "--omit", "stop"],
            *["--temperature", "1", "--seed", "3"],
        )

    assert done.code == 0, done.err
    sent = server.bodies[0]
    assert sent["chat_template_kwargs"] == {"enable_thinking": False}
    assert (sent["top_k"], sent["max_tokens"], sent["temperature"]) == (20, 512, 1.0)
    assert "seed" not in sent


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--extra-body", "[1]"], "--extra-body is no JSON object"),
        (["--extra-body", "{"], "--extra-body is no JSON object"),
        (["--extra-body", '{"messages": []}'], "'messages' belongs to every request"),
        (["--omit", "model"], "'model' belongs to every request"),
        (["--config", "other.yaml"], "has settings for openai/x, and the command asks"),
        (["--config", "wrong.yaml"], "wrong.yaml:3"),
        (["--transport", "pigeon"], "--transport 'pigeon' is not known; use auto, decisions,"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(
    words: list[str], said: str, tmp_path: Path
) -> None:
    (tmp_path / "other.yaml").write_text("models:\n  openai/x: {seed: 1}\n", encoding="utf-8")
    (tmp_path / "wrong.yaml").write_text(
        "models:\n  hosted_vllm/m:\n    temperature: 9\n", encoding="utf-8"
    )

    done = judging(tmp_path, "http://127.0.0.1:9/v1", *words)

    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err


def test_what_a_run_learnt_is_kept_for_its_resumption(tmp_path: Path) -> None:
    failing = [True]

    def picky(body: dict[str, Any], number: int, _path: str) -> Answer:
        if "max_tokens" in body:
            return refused(
                400, {"message": "Unsupported parameter: 'max_tokens'", "param": "max_tokens"}
            )
        return (
            refused(429, {"message": "busy"})
            if failing[0] and number > 6
            else ok(completion(VERDICT))
        )

    rows = "".join(json.dumps({**ROW, "id": f"q{n}"}) + "\n" for n in range(6))
    words = ["--judge", "hosted_vllm/m", "--run", "r", "--no-canaries", "--concurrency", "1"]
    (tmp_path / "r.jsonl").write_text(rows, encoding="utf-8")
    with odd_server(picky) as server:
        command = ["judge", "r.jsonl", "--rubric", "safety", "--base-url", server.base_url, *words]
        first = program(*command, "--max-attempts", "2", folder=tmp_path)
        assert first.code == 5, first.err
        assert "max_completion_tokens in place of max_tokens" in first.err
        failing[0] = False
        before = len(server.bodies)
        second = program(*command, folder=tmp_path)

    assert second.code == 0, second.err
    assert all("max_tokens" not in body for body in server.bodies[before:])


def test_an_empty_reply_is_asked_again_at_resumption_and_a_verdict_is_not(tmp_path: Path) -> None:
    empty = [True]

    def loaded(body: dict[str, Any], _number: int, _path: str) -> Answer:
        return ok(completion("" if empty[0] and "Is it blue" in str(body) else VERDICT))

    rows = [{**ROW, "id": "a"}, {**ROW, "id": "b", "prompt": "Is it blue?"}]
    (tmp_path / "r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    words = ["--judge", "hosted_vllm/m", "--run", "r", "--no-canaries"]
    with odd_server(loaded) as server:
        command = ["judge", "r.jsonl", "--rubric", "safety", "--base-url", server.base_url, *words]
        first = program(*command, folder=tmp_path)
        assert "unscored.empty: 1" in first.out
        assert "resume with" in first.err
        empty[0] = False
        before = len(server.bodies)
        second = program(*command, folder=tmp_path)

    assert "2 planned = 2 scored" in second.out
    assert len(server.bodies) == before + 1


def test_an_address_without_its_version_is_said_once(tmp_path: Path) -> None:
    def elsewhere(_body: dict[str, Any], _number: int, path: str) -> Answer:
        return ok(completion(VERDICT)) if path.startswith("/v1/") else refused(404, {"message": ""})

    with odd_server(elsewhere) as server:
        done = judging(tmp_path, server.base_url.removesuffix("/v1"))

    assert done.code == 0, done.err
    assert done.err.count("nothing is served at") == 1
