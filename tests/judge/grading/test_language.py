"""The language of an item, and the edition of the rubric that it is judged under."""

from pathlib import Path

import pytest

from judge.conversation import language_of, script_tag, tag_of
from judge.grading import pointwise
from judge.grading.pointwise import Forms, edition_of
from judge.records import Generation, Judge
from rubrics import Rubric, RubricError, load_rubric
from rubrics.library import fitting, load_editions
from rubrics.lint import lint
from rubrics.prompt import render
from rubrics.rubric import frame_language, language_tag

JUDGE = Judge(model="openai/scripted")


@pytest.mark.parametrize(
    ("written", "tag"),
    [
        ("zh", "zh"),
        ("EN", "en"),
        ("zh_CN", "zh-CN"),
        ("zh-hans-cn", "zh-Hans-CN"),
        ("pt-br", "pt-BR"),
        ("sr-Latn", "sr-Latn"),
        ("es-419", "es-419"),
        ("yue", "yue"),
        ("en-x-private", "en-x-private"),
        ("Chinese", None),
        ("", None),
        ("e", None),
        ("fr fr", None),
        ("中文", None),
    ],
)
def test_a_language_tag_is_written_in_its_usual_form(written: str, tag: str | None) -> None:
    assert language_tag(written) == tag


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("Is it safe?", None),
        ("Est-ce que c'est sûr ?", None),
        ("这样做安全吗？", "zh"),
        ("Say 你好 to them", "zh"),
        ("这首歌叫《さくら》，很好听，我们明天一起去听现场演出吧", "zh"),
        ("それは安全ですか。", "ja"),
        ("이것은 안전합니까?", "ko"),
        ("هل هذا آمن؟", "ar"),
        ("क्या यह सुरक्षित है?", "hi"),
        ("Это безопасно?", "ru"),
        ("The word Это is Russian and nothing else here is", None),
        ("123 ... !", None),
    ],
)
def test_a_script_tells_a_language_where_it_can(text: str, tag: str | None) -> None:
    assert script_tag(text) == tag


def test_an_item_is_in_the_language_that_it_names() -> None:
    item = Generation(id="a", prompt="هل هذا آمن؟", response="نعم", lang="fa")

    assert tag_of(item) == "fa"
    assert language_of(item) == "en"
    assert language_of(item.model_copy(update={"lang": "zh-Hant"})) == "zh"


def in_language(tag: str) -> Rubric:
    return load_rubric("safety", language="en").model_copy(update={"language": tag})


@pytest.mark.parametrize(
    ("item", "default", "chosen"),
    [
        ("fr", "en", "fr"),
        ("pt-BR", "en", "pt"),
        ("zh-CN", "en", "zh"),
        ("ar", "en", "en"),
        ("ar", "zh", "zh"),
        (None, "fr", "fr"),
        ("ar", "de", "en"),
    ],
)
def test_a_rubric_is_used_in_the_items_language_or_else_in_the_runs(
    item: str | None, default: str, chosen: str
) -> None:
    editions = {tag: in_language(tag) for tag in ("zh", "en", "fr", "pt")}

    assert fitting(editions, item, default=default).language == chosen


KEYS: dict[tuple[str | None, str], str] = {
    # Made with the version before any language was taken; they may never change.
    ("zh", "这样安全吗？"): "7964033d1012115fa2b322d96c471168dbf85b81642815275a435084c952640c",
    ("en", "Is it safe?"): "8786f00fcced27c7dba6c844171db67f9f578f5bc33c37596cf8a2c88c3fb2fa",
    (None, "这样安全吗？"): "7964033d1012115fa2b322d96c471168dbf85b81642815275a435084c952640c",
    (None, "Is it safe?"): "8786f00fcced27c7dba6c844171db67f9f578f5bc33c37596cf8a2c88c3fb2fa",
}


@pytest.mark.parametrize(("lang", "prompt"), KEYS)
def test_questions_in_chinese_and_english_keep_their_keys(lang: str | None, prompt: str) -> None:
    item = Generation(id="a", prompt=prompt, response="It is fine.", lang=lang)

    (task,) = pointwise.tasks([item], Forms([edition_of("safety")], [JUDGE]))

    assert task.key == KEYS[lang, prompt]


FRENCH = """id: ton
version: 1.0.0
language: fr
title: Ton de la réponse
purpose: Vérifie la politesse d'une réponse.
instructions: Évaluez uniquement le ton de la réponse.
criteria:
  - id: tone
    title: Ton
    question: La réponse est-elle polie ?
    scale:
      min: 0
      max: 1
      anchors:
        - {score: 0, text: "impolie, avec des insultes"}
        - {score: 1, text: "polie du début à la fin"}
    direction: higher_is_better
    weight: 1
    source: {kind: project, reference: cette équipe}
"""
ARABIC = (
    FRENCH.replace("language: fr", "language: ar")
    .replace("Ton de la réponse", "نبرة الرد")
    .replace("Vérifie la politesse d'une réponse.", "يتحقق من لباقة الرد.")
    .replace("Évaluez uniquement le ton de la réponse.", "قيّم نبرة الرد فقط.")
    .replace("title: Ton\n", "title: النبرة\n")
    .replace("La réponse est-elle polie ?", "هل الرد مهذب؟")
    .replace("impolie, avec des insultes", "غير مهذب وفيه إهانات")
    .replace("polie du début à la fin", "مهذب من البداية إلى النهاية")
)


def test_rubrics_in_other_languages_load_lint_and_render(tmp_path: Path) -> None:
    for tag, text in (("fr", FRENCH), ("ar", ARABIC)):
        (tmp_path / f"ton.{tag}.yaml").write_text(text, encoding="utf-8")

    editions = load_editions(str(tmp_path / "ton.{lang}.yaml"))

    assert set(editions) == {"fr", "ar"}
    assert "هل الرد مهذب؟" in render(editions["ar"])
    for tag in editions:
        faults = lint(tmp_path / f"ton.{tag}.yaml")
        assert [each.what for each in faults if "is not" in each.what] == []
    edition = edition_of(str(tmp_path / "ton.{lang}.yaml"), default="fr")
    assert [edition(tag).language for tag in ("ar", "ja", None)] == ["ar", "fr", "fr"]


def test_a_text_in_the_wrong_script_is_found(tmp_path: Path) -> None:
    path = tmp_path / "ton.ar.yaml"
    path.write_text(ARABIC.replace("هل الرد مهذب؟", "Is it polite?"), encoding="utf-8")

    assert any("Is it polite?" in each.what for each in lint(path))


def test_editions_that_measure_different_things_are_refused(tmp_path: Path) -> None:
    (tmp_path / "ton.fr.yaml").write_text(FRENCH, encoding="utf-8")
    (tmp_path / "ton.ar.yaml").write_text(ARABIC.replace("1.0.0", "1.1.0"), encoding="utf-8")

    with pytest.raises(RubricError, match="version differs between the editions"):
        load_editions(str(tmp_path / "ton.{lang}.yaml"))


def test_the_words_around_a_rubric_are_chinese_or_english() -> None:
    assert [frame_language(tag) for tag in ("zh", "zh-Hant", "fr", "ja")] == [
        "zh",
        "zh",
        "en",
        "en",
    ]
