"""A way to a model is one file and one line of registration, within this package or without."""

import sys
from pathlib import Path

import pytest

from judge.errors import ConfigError
from judge.models import open_model, transports
from judge.models.base import Model, Question, ScriptedModel
from judge.records import Judge

WAY = """
from judge.models.base import ScriptedModel


def open_acme(judge, environ):
    model = ScriptedModel(["an answer of " + judge.model])
    model.transport = "acme"
    return model
"""


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a package that registers the way ``acme``: one file and its metadata."""
    (tmp_path / "acme_judges.py").write_text(WAY, encoding="utf-8")
    info = tmp_path / "acme_judges-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: acme-judges\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(
        "[cvalues.models]\nacme = acme_judges:open_acme\nbroken = acme_judges:gone\n"
        "direct = acme_judges:open_acme\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "acme_judges", raising=False)


async def said(model: Model) -> str | None:
    return (await model.ask(Question(messages=()))).text


@pytest.mark.usefixtures("acme")
async def test_a_package_adds_a_way_by_one_file_and_one_line() -> None:
    opened = open_model(Judge(model="acme/judge-1"), environ={})

    assert opened.model.transport == "acme"
    assert opened.why == "acme: registered for acme/ models"
    assert await said(opened.model) == "an answer of acme/judge-1"


@pytest.mark.usefixtures("acme")
async def test_a_registered_way_can_be_asked_for_by_name() -> None:
    opened = open_model(Judge(model="openai/m"), transport="acme", environ={})

    assert opened.why == "acme: as asked"
    assert await said(opened.model) == "an answer of openai/m"


@pytest.mark.usefixtures("acme")
def test_every_way_has_a_name_to_ask_for() -> None:
    assert transports() == (
        "auto",
        "acme",
        "broken",
        "decisions",
        "direct",
        "litellm",
        "litellm-decisions",
    )


@pytest.mark.usefixtures("acme")
def test_no_package_can_take_the_place_of_a_built_in_way() -> None:
    judge = Judge(model="openai/m", base_url="http://127.0.0.1:9/v1")

    assert not isinstance(open_model(judge, environ={}).model, ScriptedModel)


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize(
    ("transport", "complaint"),
    [
        ("pigeon", "no way to a model is named 'pigeon'; known are auto, acme"),
        ("broken", "the way 'broken' (acme_judges:gone) cannot be loaded"),
    ],
)
def test_an_unknown_or_broken_way_is_refused_by_name(transport: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as refused:
        open_model(Judge(model="openai/m"), transport=transport, environ={})

    assert complaint in str(refused.value)
