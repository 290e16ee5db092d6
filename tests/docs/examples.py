"""Type the commands of a page of the documentation, and compare what they print.

A block ``console`` holds commands after ``$`` and their output; ``exit=N`` after the language says
with which code the last one ends. A block with ``title="NAME"`` is a file. A command that ends in
``&`` runs until the page is through. A line ``...`` of the output stands for any lines.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.cli.program import ROOT, environment

_FENCE = re.compile(r"^```(\S+)?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r'title="([^"]+)"')
_EXIT = re.compile(r"exit=(\d+)")
_VOLATILE = (
    (re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d)?"), "DATE"),
    (re.compile(r"file://\S+"), "FILE"),
    (re.compile(r"demo-\d{8}-\d{6}"), "demo-RUN"),
    (re.compile(r"\b\d+\.\d+ s\b|用时 \d+\.\d+"), "TIME"),
    (re.compile(r"sha256:[0-9a-f]+"), "DIGEST"),
    (re.compile(r"127\.0\.0\.1:\d+"), "HOST"),
)


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    language: str
    info: str
    text: str
    start: int
    end: int


def blocks(page: str) -> Iterator[Block]:
    """Give the fenced blocks of a page in order."""
    for found in _FENCE.finditer(page):
        yield Block(found[1] or "", found[2], found[3], found.start(3), found.end(3))


def plain(text: str) -> str:
    """Take out of an output what differs from run to run."""
    for pattern, name in _VOLATILE:
        text = pattern.sub(name, text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def fits(printed: str, shown: str) -> bool:
    """Tell whether an output is the one that a page shows."""
    parts = [re.escape(part) for part in re.split(r"^\.\.\.$\n?", plain(shown), flags=re.MULTILINE)]
    return re.fullmatch(r".*?".join(parts), plain(printed), re.DOTALL) is not None


class Session:
    """The terminal in which a page is typed."""

    def __init__(self, folder: Path, *, language: str) -> None:
        self._folder = folder
        self._port = _free_port()
        self._running: list[subprocess.Popen[bytes]] = []
        shims = folder / ".bin"
        shims.mkdir()
        line = f'exec {sys.executable} -c "from cvalues.cli import main; main()" "$@"\n'
        (shims / "cvalues").write_text(f"#!/bin/sh\n{line}")
        (shims / "cvalues").chmod(0o755)
        surroundings = environment(folder, {"CVALUES_UI": language, "COLUMNS": "90"})
        del surroundings["CVALUES_STORE"]
        path = f"{shims}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        self._environ = {**surroundings, "PATH": path, "OPENAI_API_KEY": "simulated"}

    def write(self, name: str, text: str) -> None:
        """Write a file of the page."""
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def type(self, line: str) -> tuple[int, str]:
        """Type a command; give its exit code and what it printed, errors too."""
        line = line.replace("8100", str(self._port))
        if line.endswith("&"):
            self._running.append(
                subprocess.Popen(
                    ["bash", "-c", f"exec {line[:-1]}"],
                    cwd=self._folder, env=self._environ,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )
            )  # fmt: skip
            _wait_for(self._port)
            return 0, ""
        done = subprocess.run(
            ["bash", "-c", line], cwd=self._folder, env=self._environ, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300,
        )  # fmt: skip
        printed = done.stdout.decode().replace(str(self._port), "8100")
        return done.returncode, printed.replace(str(self._folder), "/home/you")

    def close(self) -> None:
        """Stop what runs in the background."""
        for process in self._running:
            process.terminate()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    for _ in range(600):
        with socket.socket() as probe:
            probe.settimeout(0.1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"nothing answers at port {port}")


def walk(page: Path, folder: Path, *, update: bool) -> list[str]:
    """Type a whole page; give what differs, or write it into the page where `update` is set.

    Where an exit code is not the one of the page, the page is left as it is: nobody wants the
    message of a command that fails as the output of an example.
    """
    text = page.read_text(encoding="utf-8")
    language = "zh" if page.name.endswith(".zh.md") else "en"
    session = Session(folder, language=language)
    wrong: list[str] = []
    changes: list[tuple[int, int, str]] = []
    try:
        for block in blocks(text):
            title = _TITLE.search(block.info)
            if title:
                session.write(title[1], block.text)
            elif block.language == "console":
                typed = _type_block(session, block, wrong)
                changes.append((block.start, block.end, typed))
    finally:
        session.close()
        shutil.rmtree(folder / ".bin")
    failed = [each for each in wrong if _CODE in each]
    if update and not failed:
        for start, end, typed in reversed(changes):
            text = text[:start] + typed + text[end:]
        page.write_text(text, encoding="utf-8")
    return failed if update else wrong


_CODE = "\nexit code "


def _type_block(session: Session, block: Block, wrong: list[str]) -> str:
    found = _EXIT.search(block.info)
    typed = ""
    commands = re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]
    for place, each in enumerate(commands, start=1):
        line, shown = _parted(each)
        code, printed = session.type(re.sub(r"\\\n\s*", "", line))
        # A prompt that a command prints stands one column in, where it is no command of the page.
        printed = re.sub(r"^\$ ", " $ ", printed, flags=re.MULTILINE)
        expected = int(found[1]) if found and place == len(commands) else 0
        if code != expected:
            wrong.append(f"$ {line}{_CODE}{code}, not {expected}:\n{printed}")
        elif not fits(printed, shown):
            wrong.append(f"$ {line}\nprinted:\n{printed}\nshown:\n{shown}")
        kept = shown if "\n...\n" in f"\n{shown}" and fits(printed, shown) else printed
        typed += f"$ {line}\n{kept.rstrip()}\n" if kept.strip() else f"$ {line}\n"
    return typed


def _parted(text: str) -> tuple[str, str]:
    """Part a command, which goes on after a backslash, from its output."""
    lines = text.splitlines()
    end = 0
    while end < len(lines) - 1 and lines[end].endswith("\\"):
        end += 1
    return "\n".join(lines[: end + 1]), "\n".join(lines[end + 1 :])


def pages() -> list[Path]:
    """List the pages that hold commands; the page for additions is run with its own files."""
    found = [ROOT / "README.md", ROOT / "README.zh.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [
        each
        for each in found
        if each.exists()
        and not each.name.startswith("extending.")
        and "```console" in each.read_text("utf-8")
    ]
