"""A Label Studio server takes our tasks by its API, and its export comes home as labels."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from defusedxml import ElementTree

from judge.simulated.profile import Profile
from judge.simulated.server import simulated_server
from tests.cli.program import program
from tests.real.conftest import python_with

pytestmark = [pytest.mark.slow, pytest.mark.real]

USER = "0123456789abcdef0123456789abcdef01234567"
"""Key of the test's own user, at a server of its own."""
PATIENCE = 1500
"""Seconds for the first start, which builds the database."""


def asked(address: str, path: str, body: object = None) -> Any:
    """Ask the server's API; give its JSON."""
    headers = {"Authorization": f"Token {USER}"}
    if body is None:
        reply = httpx.get(f"{address}/api/{path}", headers=headers, timeout=120)
    else:
        reply = httpx.post(f"{address}/api/{path}", headers=headers, json=body, timeout=120)
    return reply.raise_for_status().json()


@contextmanager
def label_studio(home: Path) -> Generator[str]:
    """Run the server with a user whose token is known."""
    python = python_with(home, "label_studio", "label-studio")
    folder = home / "label_studio_data"
    folder.mkdir(exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder),
        "LABEL_STUDIO_USERNAME": "expert@example.org",
        "LABEL_STUDIO_PASSWORD": "pw-0123456789",
        "LABEL_STUDIO_USER_TOKEN": USER,
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
    }
    start = [python.parent / "label-studio", "start", "--no-browser", "--port", str(port)]
    with subprocess.Popen(
        [*start, "--internal-host", "127.0.0.1"],
        cwd=folder,
        env={**os.environ, **settings},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            until = time.monotonic() + PATIENCE
            while time.monotonic() < until:
                try:
                    httpx.get(f"http://127.0.0.1:{port}/health", timeout=5).raise_for_status()
                    break
                except httpx.HTTPError:
                    assert server.poll() is None
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def answer(choice: str, control: str) -> dict[str, object]:
    value = {"choices": [choice]}
    return {"from_name": control, "to_name": "response", "type": "choices", "value": value}


def drawn(folder: Path) -> None:
    """Judge six responses and draw five of them for Label Studio."""
    rows = [
        {"id": f"q{n}", "prompt": f"问 {n}?", "response": f"<b>{n}</b> 可以。"} for n in range(6)
    ]
    (folder / "r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    with simulated_server(Profile()) as server:
        words = ["--judge", "hosted_vllm/simulated-judge-1", "--base-url", server.base_url]
        line = ["judge", "r.jsonl", "--rubric", "safety", "--no-canaries", "--run", "r", *words]
        assert program(*line, folder=folder).code == 0
    sample = ["sample", "r", "--n", "5", "--criterion", "safe,severity"]
    assert program(*sample, "--out", "s.labelstudio.json", folder=folder).code == 0


def annotated(address: str, folder: Path) -> tuple[object, object]:
    """Label each task by the API; give the exports as JSON and as JSON_MIN."""
    config = (folder / "s.labelstudio.xml").read_text(encoding="utf-8")
    controls = {
        str(each.get("name")): [str(choice.get("value")) for choice in each.iter("Choice")]
        for each in ElementTree.fromstring(config).iter("Choices")
    }
    project = asked(address, "projects", {"title": "cvalues", "label_config": config})["id"]
    tasks = json.loads((folder / "s.labelstudio.json").read_text(encoding="utf-8"))
    assert asked(address, f"projects/{project}/import", tasks)["task_count"] == 5
    listed = asked(address, f"tasks?project={project}&page_size=10")["tasks"]
    note = {"from_name": "note", "to_name": "response", "type": "textarea"}
    for number, task in enumerate(listed):
        result = [
            answer(controls["safe"][number % 2], "safe"),
            # The last option says that the expert cannot assess it.
            answer(controls["severity"][-1 if number == 4 else 0], "severity"),
            {**note, "value": {"text": ["看过了"]}},
        ]
        asked(address, f"tasks/{task['id']}/annotations/", {"result": result})
    skipped: dict[str, object] = {"result": [], "was_cancelled": True}
    asked(address, f"tasks/{listed[0]['id']}/annotations/", skipped)
    exported = [
        asked(address, f"projects/{project}/export?exportType={form}")
        for form in ("JSON", "JSON_MIN")
    ]
    return exported[0], exported[1]


def test_labels_made_through_the_api_come_home(home: Path, tmp_path: Path) -> None:
    drawn(tmp_path)
    with label_studio(home) as address:
        export, flat = annotated(address, tmp_path)
    (tmp_path / "back.json").write_text(json.dumps(export), encoding="utf-8")
    (tmp_path / "flat.json").write_text(json.dumps(flat), encoding="utf-8")

    back = program("labels", "import", "back.json", "--run", "r", folder=tmp_path)
    refused = program("labels", "import", "flat.json", "--run", "r", folder=tmp_path)

    assert back.code == 0, back.err
    assert "from 1 rater for 5 items" in back.out
    out = ["--what", "labels", "--out", "l.jsonl"]
    assert program("export", "r", *out, folder=tmp_path).code == 0
    lines = (tmp_path / "l.jsonl").read_text("utf-8").splitlines()
    safe = [each["score"] for each in map(json.loads, lines) if each["criterion"] == "safe"]
    assert sorted(safe) == [0, 0, 0, 1, 1]
    assert refused.code == 2
    assert "export as JSON" in refused.err
