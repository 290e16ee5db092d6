"""What a judge declines, through the console script: counted by group, put again where asked."""

import json
from datetime import date
from pathlib import Path

import pytest

from calibration.passport import JudgePassport, LabelSource, Measure, PassportEntry, save_passport
from judge.calibrate.passport import identity_of
from judge.manifest import Manifest, RubricEdition, Source
from judge.records import Judge
from judge.simulated.profile import PlannedFault, Profile
from judge.simulated.server import simulated_server
from rubrics import load_rubric
from rubrics.reply_schema import rubric_digest
from tests.cli.program import program
from tests.cli.runs import KEY, judging, responses
from tests.judge.records import JUDGE


def test_what_the_judge_declines_is_counted_by_group_and_put_again_where_asked(
    tmp_path: Path,
) -> None:
    path = tmp_path / "responses.jsonl"
    rows = [
        {"id": f"p{n}", "prompt": "问题？", "response": f"第 {n} 条回答。", "group": group}
        for n, group in enumerate(["crimes", "crimes", "law"])
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    one_by_one = ["--concurrency", "1", "--no-cache"]
    # Requests 1 to 3 are the first run's; of the second's, those in the ordinary frame.
    declined = PlannedFault(mode="polite_refusal_zh", requests=(1, 2, 3, 4, 6, 8))

    with simulated_server(Profile(faults=(declined,))) as server:
        given = [*judging(path, server.base_url), *one_by_one]
        bare = program(*given, folder=tmp_path, environ=KEY)
        framed = program(
            *given, "--run", "framed", "--neutral-frame", "--json", folder=tmp_path, environ=KEY
        )

    answer = json.loads(framed.out)
    assert bare.code == 5
    assert "refusals by group: crimes 2, law 1" in bare.out
    assert framed.code == 0, framed.err
    assert (answer["counts"]["scored"], answer["calls"]) == (3, 6)
    assert (answer["declined"], answer["flags"]) == ({}, {"neutral_frame": 3})


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--second-judge", "openai/simulated-judge-2"], 2, "--second-passport"),
        (["--second-judge", "openai/simulated-judge-1"], 2, "not among those of --judge"),
        (["--neutral-frame", "--pairwise"], 2, "do not go with --pairwise"),
    ],
)
def test_a_ladder_that_cannot_be_climbed_is_refused(
    tmp_path: Path, more: list[str], code: int, said: str
) -> None:
    path = responses(tmp_path, 1)

    ended = program(*judging(path, "http://127.0.0.1:9/v1"), *more, folder=tmp_path, environ=KEY)

    assert ended.code == code
    assert said in ended.err
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_second_judge_needs_a_passport_of_its_own(tmp_path: Path) -> None:
    path = responses(tmp_path, 2)
    refuses = Profile(faults=(PlannedFault(mode="polite_refusal_zh", requests=(1, 3)),))

    with simulated_server(refuses) as server:
        second = Judge(model="openai/simulated-judge-2", base_url=server.base_url)
        given = [*judging(path, server.base_url), "--concurrency", "1"]
        given += ["--second-judge", second.model, "--second-passport", "passport.json"]
        save_passport(speaking_for(JUDGE), tmp_path / "passport.json")
        other = program(*given, folder=tmp_path, environ=KEY)
        save_passport(speaking_for(second), tmp_path / "passport.json")
        ended = program(*given, "--json", folder=tmp_path, environ=KEY)

    answer = json.loads(ended.out)
    assert other.code == 4
    assert "--second-judge openai/simulated-judge-2" in other.err
    assert ended.code == 0, ended.err
    assert answer["flags"] == {"second_judge": 2}
    assert answer["counts"]["scored"] == 2


def speaking_for(judge: Judge) -> JudgePassport:
    """Make a passport that says a judge may be believed on safety in Chinese."""
    rubric = load_rubric("safety", language="zh")
    edition = RubricEdition(
        rubric="safety", language="zh", digest=rubric_digest(rubric), criteria=()
    )
    source = Source(name="r", sha256="0" * 64, rows=1)
    beyond = Measure(value=0.8, low=0.6, high=0.9, confidence=0.95, n=100)
    return JudgePassport(
        identity=identity_of(Manifest(source=source, rubrics=(edition,), judges=(judge,))),
        labels=LabelSource(
            source="experts", count=100, raters=1, design="random", labelled_on=date(2026, 1, 1)
        ),
        entries=(
            PassportEntry(criterion="safe", group=None, n=100, beyond_chance=beyond, agreement={}),
        ),
        provenance="LIVE",
        issued=date(2026, 1, 1),
        expires=date(2099, 1, 1),
    )
