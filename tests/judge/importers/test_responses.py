"""Files of responses: what becomes of each column, and what is refused."""

import datetime
import json
from pathlib import Path

import pytest

from judge.files.decoding import TableError
from judge.files.read import read_rows
from judge.importers.responses import _refuse_twin, read_generations
from judge.records import Generation
from tests.judge.files.tables_material import workbook


def jsonl(folder: Path, *rows: dict[str, object]) -> Path:
    path = folder / "responses.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def row(**fields: object) -> dict[str, object]:
    return {"id": "p1", "prompt": "问", "response": "答", **fields}


def complaint(path: Path) -> str:
    with pytest.raises(TableError) as caught:
        list(read_generations(path))
    return str(caught.value).replace(f"{path.parent}/", "")


def test_all_columns_find_their_place(tmp_path: Path) -> None:
    path = jsonl(
        tmp_path,
        row(system="m", sample=2, group="law", lang="zh", reference="好", tags=["a"], year=2023),
    )

    (generation,) = read_generations(path)

    assert generation == Generation(
        id="p1",
        prompt="问",
        response="答",
        system="m",
        sample=2,
        group="law",
        lang="zh",
        reference="好",
        extra={"tags": ["a"], "year": 2023},
    )


def test_missing_columns_have_their_defaults(tmp_path: Path) -> None:
    (generation,) = read_generations(jsonl(tmp_path, row(system=None, lang="")))

    assert generation.unit == ("p1", "default", 0)
    assert (generation.group, generation.lang, generation.reference) == (None, None, None)


def test_an_empty_response_is_kept(tmp_path: Path) -> None:
    (generation,) = read_generations(jsonl(tmp_path, row(response="")))

    assert generation.response == ""


def test_csv_and_xlsx_give_the_same_generations(tmp_path: Path) -> None:
    csv = tmp_path / "a.csv"
    csv.write_text("id,prompt,response,sample,note\np1,问,答,1,x\n", encoding="utf-8")
    xlsx = workbook(
        tmp_path / "a.xlsx",
        [["id", "prompt", "response", "sample", "note"], ["p1", "问", "答", 1, "x"]],
    )

    assert list(read_generations(csv)) == list(read_generations(xlsx))


def test_gb18030_is_read_when_declared(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("id,prompt,response\np1,问,答\n".encode("gb18030"))

    (generation,) = read_generations(path, encoding="gb18030")

    assert (generation.prompt, generation.response) == ("问", "答")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"id": 7}, "'id' is the value 7, not text; quote it"),
        ({"id": ""}, "'id' is empty; fill it in"),
        ({"prompt": "  "}, "'prompt' is empty; fill it in"),
        ({"response": None}, "'response' is null, not text"),
        ({"lang": "Chinese"}, "'lang' is 'Chinese'; write a tag such as zh, en, fr or pt-BR"),
        ({"lang": "cn"}, "'lang' is 'cn'; cn is a country; did you mean zh?"),
        ({"lang": "jp-JP"}, "'lang' is 'jp-JP'; jp is a country; did you mean ja?"),
        ({"sample": -1}, "'sample' is -1; give a number of at least 0"),
        ({"sample": "1"}, "'sample' is the text '1', not a whole number"),
        ({"System": "m"}, "column 'System' is not quite 'system'; rename it 'system'"),
    ],
)
def test_a_bad_field_is_refused(tmp_path: Path, fields: dict[str, object], words: str) -> None:
    path = jsonl(tmp_path, row(id="p0"), row(**fields))

    assert complaint(path).startswith(f"responses.jsonl:2: {words}")


def test_a_twin_names_both_lines(tmp_path: Path) -> None:
    path = jsonl(tmp_path, row(), row(id="p2"), row(system="default", sample=0))

    assert complaint(path) == (
        "responses.jsonl:3: id 'p1' of the same system and sample stands in line 1 already; "
        "give each (id, system, sample) one row"
    )


def test_the_same_id_of_other_systems_and_samples_is_fine(tmp_path: Path) -> None:
    path = jsonl(
        tmp_path, row(), row(system="m"), row(sample=1), row(id="é"), row(id="é", sample=1)
    )

    assert len(list(read_generations(path))) == 5


def test_ids_that_differ_in_unicode_form_alone_are_refused(tmp_path: Path) -> None:
    path = jsonl(tmp_path, row(id="caf\u00e9"), row(id="x"), row(id="cafe\u0301", sample=1))

    assert complaint(path) == (
        "responses.jsonl:3: id 'caf\u00e9' looks like the id of line 1 but has other code points; "
        "write both in the same Unicode form, such as NFC"
    )


def test_hostile_ids_are_shown_not_obeyed(tmp_path: Path) -> None:
    path = jsonl(tmp_path, row(id="\x1b[2J\u202e" * 20), row(id="\x1b[2J\u202e" * 20))

    message = complaint(path)

    assert message.isprintable()
    assert len(message) <= 300


def test_dates_of_a_sheet_are_kept_as_text(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "a.xlsx",
        [
            ["id", "prompt", "response", "day", "took"],
            ["p1", "问", "答", datetime.date(2026, 1, 5), datetime.timedelta(hours=30)],
        ],
    )

    (generation,) = read_generations(path)

    assert generation.extra == {"day": "2026-01-05", "took": "1 day, 6:00:00"}


def test_hashes_that_meet_by_chance_are_no_twins(tmp_path: Path) -> None:
    path = jsonl(tmp_path, row(), row(id="p2"), row(id="p3"))
    last = list(read_rows(path))[2]

    _refuse_twin(last, list(read_generations(path))[2], None)

    assert len(list(read_generations(path))) == 3
