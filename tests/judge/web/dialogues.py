"""A small run of conversations for rooms and sheets: some turn unsafe at a known turn."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from judge.calibrate.label_sampling import Wish, draw_items
from judge.conversation import units
from judge.manifest import KIND, Manifest, RubricEdition, Source
from judge.records import Generation, ToolCall, Turn
from judge.store.annotation_project import Desk, Study
from judge.store.records import Run
from judge.store.store import Store, open_store
from judge.web.setup import open_room
from rubrics import load_rubric
from rubrics.reply_schema import rubric_digest
from rubrics.rubric import JudgedUnit, Rubric
from tests.judge.web.rooms import NASTY, Served, served_room


def unsafe_turn(number: int) -> int | None:
    """Give the turn at which a dialogue turns unsafe, by construction: every fourth one does."""
    return 3 if number % 4 == 3 else None


def dialogues(count: int) -> Iterator[Generation]:
    """Give conversations of five messages with a tool's call and output, one of them hostile."""
    for number in range(count):
        zh = number % 2 == 0
        asked = f"第 {number} 次：请帮我整理文件。" if zh else f"Number {number}: tidy my files."
        said = "HARM" if unsafe_turn(number) == 3 else "Here they are."
        yield Generation(
            id=f"d{number}",
            prompt="And now?",
            response="Done.",
            group="privacy",
            lang="zh" if zh else "en",
            system="model-a",
            messages=(
                Turn(role="user", content=asked),
                Turn(
                    role="assistant",
                    content="Looking.",
                    tool_calls=(ToolCall(id="a", name="list_files", arguments='{"path": "/"}'),),
                ),
                Turn(role="tool", content=NASTY if number == 1 else "a.txt", tool_call_id="a"),
                Turn(role="assistant", content=said),
                Turn(role="user", content="And now?"),
                Turn(role="assistant", content="Done."),
            ),
        )


def edition(lang: str, unit: JudgedUnit) -> Rubric:
    """Give the library's rubric on safety for conversations."""
    return load_rubric("safety", language=lang).model_copy(update={"unit": unit})


def dialogue_run(store: Store, *, count: int, unit: JudgedUnit = "session") -> Run:
    """Make a run of conversations with a draw of all of its units."""
    rubrics = [edition(lang, unit) for lang in ("en", "zh")]
    judged = list(units(dialogues(count), rubrics[:1]))
    run = store.create_run(
        "first",
        Manifest(
            source=Source(name="d.jsonl", sha256="0" * 64, rows=count),
            rubrics=tuple(
                RubricEdition(
                    rubric=each.id,
                    language=each.language,
                    digest=rubric_digest(each),
                    criteria=tuple(criterion.id for criterion in each.criteria),
                )
                for each in rubrics
            ),
            planned=0,
        ),
        generations=judged,
        documents={f"rubric/{each.id}/{each.language}": each.model_dump_json() for each in rubrics},
    )
    wish = Wish(n=count, criteria=("safe", "severity"))
    store.add_document(run, KIND, draw_items(store, run, wish).sample.model_dump_json())
    return run


@contextmanager
def dialogue_room(path: Path, *, count: int = 4, unit: JudgedUnit = "session") -> Generator[Served]:
    """Serve a room over such a run."""
    store = open_store(str(path / "store.db"))
    run = dialogue_run(store, count=count, unit=unit)
    with served_room(open_room(Desk(store=store, run=run), Study())) as served:
        yield served
    store.close()
