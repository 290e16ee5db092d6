"""Build the documentation site: the pages of docs/, and a reference made from the code.

    python scripts/build_docs.py            # writes build/site
    python scripts/build_docs.py --pages    # the pages alone, in build/docs

Every command gets a page with its help in both languages, every public name one with its docstring.
Needs no network.
"""

import importlib
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "docs"
PAGES = ROOT / "build" / "docs"
PACKAGES = ("cvalues", "judge", "calibration", "rubrics", "cvalues.multiple_choice")
TITLES = {
    "en": ("Commands", "Example", "Public Python names"),
    "zh": ("命令", "示例", "Python 公开名称"),
}


def public_names() -> Iterator[tuple[str, str]]:
    """Give each public name as package and name; a name of two packages once, at the first."""
    seen: set[int] = set()
    for package in PACKAGES:
        module = importlib.import_module(package)
        for name in module.__all__:
            value = getattr(module, name)
            if id(value) not in seen:
                seen.add(id(value))
                yield package, name


def commands() -> Iterator[tuple[str, object]]:
    """Give every command, and those below the groups."""
    from cvalues.cli.command_table import COMMANDS, load_command

    for name in COMMANDS:
        command = load_command(name)
        below = getattr(command, "commands", {})
        yield name, command
        for sub, each in below.items():
            yield f"{name} {sub}", each


def command_page(name: str, command: object, language: str) -> str:
    """Write the page of a command: its help as the terminal shows it, and an example."""
    from judge.cli.interface import give_help_pages

    os.environ["CVALUES_UI"] = language
    give_help_pages(command)
    context = command.context_class(command, info_name=f"cvalues {name}")
    return (
        f"# cvalues {name}\n\n```text\n{command.get_help(context)}\n```\n\n"
        f"## {TITLES[language][1]}\n\n{example(name)}"
    )


def example(name: str) -> str:
    """Give the recorded example of a command; `tests/docs` types it."""
    recorded = examples().get(name)
    if recorded is None:
        raise SystemExit(f"docs/reference/examples.md has no example of: cvalues {name}")
    return f"```console\n{recorded}```\n"


def examples() -> dict[str, str]:
    """Read the examples of all commands, each under a heading with the command's name."""
    text = (SOURCE / "reference" / "examples.md").read_text("utf-8")
    parts = re.findall(r"^## cvalues ([a-z -]+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    found: dict[str, str] = {}
    for name, body in parts:
        fences = re.findall(r"^```console[^\n]*\n(.*?)^```$", body, re.MULTILINE | re.DOTALL)
        found[name.strip()] = "\n".join(fences)
    return found


def write_pages() -> tuple[list[str], list[str]]:
    """Copy docs/ and write the reference beside it; the pages of commands and of names."""
    shutil.rmtree(PAGES, ignore_errors=True)
    shutil.copytree(SOURCE, PAGES, ignore=shutil.ignore_patterns("examples.md"))
    shutil.copytree(ROOT / "examples", PAGES / "examples")
    folder = PAGES / "reference"
    (folder / "commands").mkdir(parents=True)
    (folder / "python").mkdir()
    listed: list[str] = []
    for name, command in commands():
        path = f"reference/commands/{name.replace(' ', '-')}"
        for language, suffix in (("en", ".md"), ("zh", ".zh.md")):
            (PAGES / f"{path}{suffix}").write_text(command_page(name, command, language), "utf-8")
        listed.append(f"{path}.md")
    named: list[str] = []
    for package, name in public_names():
        path = f"reference/python/{package}.{name}.md"
        (PAGES / path).write_text(f"# {package}.{name}\n\n{api(package, name)}\n", "utf-8")
        named.append(path)
    for language, suffix in (("en", ".md"), ("zh", ".zh.md")):
        (folder / f"index{suffix}").write_text(_index(listed, named, language), "utf-8")
    return listed, named


def api(package: str, name: str) -> str:
    """Give the directive that writes a name's docstring, or its own words for a plain value."""
    value = getattr(importlib.import_module(package), name)
    home = getattr(value, "__module__", None)
    if inspect.isclass(value) or inspect.isroutine(value):
        return f"::: {home}.{value.__qualname__}"
    return f"`{package}.{name}`\n\n```python\n{value!r}\n```"


def _index(listed: list[str], named: list[str], language: str) -> str:
    titles = TITLES[language]
    lines = [f"# {'Reference' if language == 'en' else '参考'}", "", f"## {titles[0]}", ""]
    lines += [f"- [cvalues {Path(p).stem}](commands/{Path(p).name})" for p in listed]
    lines += ["", f"## {titles[2]}", ""]
    lines += [f"- [{Path(p).stem}](python/{Path(p).name})" for p in named]
    return "\n".join(lines) + "\n"


def write_config(listed: list[str], named: list[str]) -> Path:
    """Write the configuration with the reference pages in its navigation."""
    text = (ROOT / "mkdocs.yml").read_text("utf-8")
    text = text.replace("COMMANDS\n", json.dumps(listed) + "\n").replace(
        "PYTHON\n", json.dumps(named) + "\n"
    )
    text = text.replace("build/docs", "docs").replace("build/site", "site").replace('"."', '".."')
    path = ROOT / "build" / "mkdocs.yml"
    path.write_text(text, "utf-8")
    return path


def main() -> None:
    """Write the pages, and build the site from them."""
    listed, named = write_pages()
    config = write_config(listed, named)
    print(f"{len(listed)} commands, {len(named)} public names")
    if "--pages" in sys.argv:
        return
    environ = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "DISABLE_MKDOCS_2_WARNING": "true"}
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "-f", config], env=environ, check=False
    )
    raise SystemExit(done.returncode)


if __name__ == "__main__":
    main()
