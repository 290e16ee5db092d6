"""The terminal in two languages: help, tables, messages, narrow and poor consoles."""

import ast
import inspect
import json
import os
import re
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cvalues.cli.command_table import COMMANDS, load_command
from judge.cli.interface import help_page, shown, take_option, word, wrapped
from judge.errors import ConfigError
from tests.cli.program import ROOT, command, environment, program
from tests.cli.refusals import refusals, template

CATALOGUE = json.loads((ROOT / "judge" / "cli" / "messages.zh.json").read_text("utf-8"))
CHINESE = [text for section in CATALOGUE.values() for text in section.values()]
TOO_SHORT = {
    *("{}: {} {}{}", "{}", "{}: {}", "  {}: {}", "{} {}", "{} {}: {}"),
    *("  {}: {}{}", "{}{}", "$ {}", "  {}", "  {} {}"),
}
"""Templates without a word of their own."""
A_COMMAND = "  OPENAI_API_KEY="


@pytest.fixture
def _chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CVALUES_UI", "zh")


def every_command() -> Iterator[tuple[str, Any]]:
    for name in COMMANDS:
        loaded: Any = load_command(name)
        yield name, loaded
        for below, each in getattr(loaded, "commands", {}).items():
            yield f"{name} {below}", each


def texts_of_help() -> set[str]:
    texts = {entry.summary for entry in COMMANDS.values()}
    for _, each in every_command():
        paragraphs = inspect.cleandoc(each.help or "").split("\n\n")
        texts |= {" ".join(text.split()) for text in paragraphs}
        texts |= {getattr(param, "help", None) or "" for param in each.params}
    return texts - {""}


def test_the_texts_of_help_have_chinese_ones() -> None:
    assert sorted(texts_of_help() - set(CATALOGUE["help"])) == []


def test_a_chinese_text_takes_the_values_of_its_english_one() -> None:
    texts = {**CATALOGUE["help"], **CATALOGUE["lines"], **CATALOGUE["errors"]}
    unlike = [
        english
        for english, chinese in texts.items()
        if "{}" in english and len(re.findall(r"\{\d*\}", chinese)) != english.count("{}")
    ]

    assert unlike == []


@pytest.mark.usefixtures("_chinese")
def test_all_that_an_error_may_say_has_a_chinese_text() -> None:
    written = {text: place for place, text in refusals(ROOT)}
    english = {
        place: text for text, place in written.items() if not is_chinese(shown(filled(text)))
    }

    assert len(written) > 900
    assert english == {}


def filled(text: str) -> str:
    # A text that begins with a blank or a comma is the end of another.
    return ("7" if text[0] in " ,;(" else "") + text.replace("{}", "7")


def is_chinese(line: str) -> bool:
    """Tell whether a line is in Chinese, without a piece of English that its catalogue lacks."""
    quoted = re.sub(r"'[^']*'|`[^`]*`", "", line)
    pieces = re.findall(r"[A-Za-z]{2,}(?: [A-Za-z]{2,}){2,}", quoted)
    return any("\u4e00" <= sign <= "\u9fff" for sign in line) and all(
        any(piece in chinese for chinese in CHINESE) for piece in pieces
    )


def numbers_of_things(path: Path) -> Iterator[tuple[str, bool]]:
    """Give the nouns in plural that follow a value in a text, and whether `counted` wrote them."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Name(id="counted"), args=[_, ast.Constant(value=str(noun))]):
                yield f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s", True
            case ast.JoinedStr(values=values):
                for value, after in pairwise(values):
                    word = re.match(r" ([a-z]+s)\b", str(getattr(after, "value", "")))
                    if isinstance(value, ast.FormattedValue) and word is not None:
                        yield word[1], False
            case _:
                pass


def test_commands_write_one_thing_without_an_s() -> None:
    folders = (ROOT / "judge" / "cli", ROOT / "cvalues" / "cli")
    found = [
        (noun, right, path.name)
        for folder in folders
        for path in sorted(folder.glob("*.py"))
        for noun, right in numbers_of_things(path)
    ]
    nouns = {noun for noun, right, _ in found if right}

    assert {"rows", "labels", "items"} <= nouns
    assert [(noun, file) for noun, right, file in found if noun in nouns and not right] == []


def templates(path: Path) -> Iterator[str]:
    """Give what a module prints with `console.say` and `console.note`, its values as braces."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and node.args:
            called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            if called in {"say", "note", "fail"}:
                text = template(node.args[0])
                if text is not None:
                    yield text


@pytest.mark.usefixtures("_chinese")
def test_the_lines_that_commands_print_have_chinese_ones() -> None:
    folders = (ROOT / "judge" / "cli", ROOT / "cvalues" / "cli")
    paths = [path for folder in folders for path in sorted(folder.glob("*.py"))]
    printed = {text for path in paths for text in templates(path) if text.strip()} - TOO_SHORT
    filled = {text.replace("{}", "7") for text in printed if not text.startswith(A_COMMAND)}
    english = {text for text in filled if shown(text) == text}

    assert sorted(english) == []


def sentences(path: Path) -> Iterator[str]:
    """Give the whole sentences of a module that are neither its documentation nor an exception."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    within: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise | ast.JoinedStr):
            within |= set(ast.walk(node)) - {node}
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            within.add(node.value)
    for node in ast.walk(tree):
        text = template(node) if isinstance(node, ast.expr) and node not in within else None
        if text and text.endswith(".") and sum(map(str.isalpha, text.split())) > 3:
            yield text


@pytest.mark.usefixtures("_chinese")
def test_sentences_of_results_have_chinese_ones() -> None:
    folders = ("calibration", "judge/calibrate", "judge/gate", "judge/improve")
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    written = {text.replace("{}", "7") for path in paths for text in sentences(path)}

    assert len(written) > 50
    assert sorted(text for text in written if shown(text) == text) == []


@pytest.mark.usefixtures("_chinese")
def test_numbers_and_names_keep_their_place_in_a_chinese_line() -> None:
    line = "2,500 planned = 2,400 scored + 60 unscored + 30 error + 10 skipped; 2,512 calls"

    assert shown(line) == (
        "计划 2,500 = 有分数 2,400 + 无分数 60 + 出错 30 + 未评审 10；调用 2,512 次"
    )
    assert shown("  known-answer checks (canaries): 18 of 40 agree") == (
        "  已知答案检查题：40 道中 18 道一致"
    )
    assert word("criterion") == "准则"
    assert shown("a sentence that nobody wrote") == "a sentence that nobody wrote"


@pytest.mark.usefixtures("_chinese")
@pytest.mark.parametrize(
    ("line", "chinese"),
    [
        (
            "a.jsonl:1:1: not JSON: expecting value; write one whole JSON object on each line",
            "a.jsonl:1:1: 不是 JSON：此处应为一个值；请每行写一个完整的 JSON 对象",
        ),
        (
            "a.csv:1: no column 'prompt'; rename 'promt' to 'prompt' if it is meant",
            "a.csv:1: 缺少列 'prompt'；若指的是 'promt'，请改名为 'prompt'",
        ),
        ("a.csv: the file is empty; give a file with rows", "a.csv：文件为空；请给出有内容的文件"),
        (
            "a.csv:2: 'text' is the value 3, not text; quote it",
            "a.csv:2: 'text' 是值 3，不是文本；请加引号",
        ),
        (
            "no score is by judge 'x'; there are openai/a, openai/b.",
            "没有评审模型 'x' 的分数；现有 openai/a, openai/b。",
        ),
        (
            "a.yaml: not a readable file; name a YAML file",
            "a.yaml：不是可读取的文件；请指定 YAML 文件",
        ),
        (
            "a.ods: cell A2 is merged with others; unmerge the cells",
            "a.ods：单元格 A2 与其他单元格合并；请取消单元格合并",
        ),
        (
            "a.json: samples[0].id is no text; is it the file of another tool?",
            "a.json: samples[0].id 不是文本；是否为其他工具的文件？",
        ),
        (
            "t: a quote is opened and never closed; close it; write a quote in a cell as two",
            "t：引号没有闭合；请闭合；单元格内的引号请写成两个",
        ),
        (
            "run 'r' was made with something else (a: was given, is not given; b: was 1, is 2); x",
            "运行 'r' 使用的输入不同（a：原来已给出，现在没有给出；b：原为 1，现为 2）；x",
        ),
        (
            "a.yaml:5: mapping values are not allowed here; check the path",
            "a.yaml:5: 此处不能出现键值对；请检查路径",
        ),
        (
            "out: no space left on device; choose another place.",
            "out：磁盘已满；请换一个位置。",
        ),
        ("a text file", "a text file"),
    ],
)
def test_an_error_keeps_its_place_and_says_in_chinese_what_is_wrong_and_how_to_fix_it(
    line: str, chinese: str
) -> None:
    assert shown(line) == chinese


@pytest.mark.parametrize("line", [["--ui", "zh", "doctor"], ["doctor", "--ui=zh"]])
def test_the_option_may_stand_anywhere(line: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CVALUES_UI", "en")

    take_option(line)

    assert line == ["doctor"]
    assert os.environ["CVALUES_UI"] == "zh"


def test_a_language_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="use en, zh"):
        take_option(["--ui", "fr"])


def test_a_chinese_locale_gives_chinese_help_and_errors(tmp_path: Path) -> None:
    there = {"LC_ALL": "zh_CN.UTF-8", "PYTHONUTF8": "1"}

    asked = program("judge", "--help", folder=tmp_path, environ=there)
    wrong = program("judge", folder=tmp_path, environ=there)

    assert asked.out.startswith("用法：")
    assert "用评审模型为自由文本回复打分。" in asked.out
    assert wrong.code == 2
    assert "错误：" in wrong.err


def test_a_console_without_chinese_letters_speaks_english_and_shows_codes(tmp_path: Path) -> None:
    there = {"LC_ALL": "zh_CN.UTF-8", "PYTHONIOENCODING": "ascii"}
    line = command("rubrics", "list")
    done = subprocess.run(
        line, cwd=tmp_path, env=environment(tmp_path, there), capture_output=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"Id ")
    assert b"\\u5b89" in done.stdout


@pytest.mark.parametrize("words", [["--help"], ["judge", "--help"], ["rubrics", "list"]])
def test_a_closed_pipe_changes_no_exit_code(words: list[str], tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        command(*words), cwd=tmp_path, env=environment(tmp_path), stdout=write, check=False
    )
    os.close(write)

    assert done.returncode == 0


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_word_of_help_is_broken_at_60_columns(
    language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("CVALUES_UI", language)

    for name, each in every_command():
        page = each.get_help(each.context_class(each, info_name=name))
        words = {part for line in page.splitlines() for part in line.split()}
        texts = [shown(getattr(param, "help", None) or "") for param in each.params]
        if language == "en":
            assert {part for text in texts for part in text.split()} <= words, name


def test_a_chinese_line_is_broken_between_characters_and_not_before_a_comma() -> None:
    assert wrapped("评审模型，校准证书", 8) == ["评审模", "型，校准", "证书"]


def test_help_names_kinds_in_words() -> None:
    loaded: Any = load_command("export")
    page = help_page(loaded, loaded.context_class(loaded, info_name="export"), {})

    assert "--out PATH" in page
    assert "<path>" not in page
