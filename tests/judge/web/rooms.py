"""Rooms for tests: a small judged run, served by the real server on the loopback."""

import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from judge.manifest import KIND, Manifest, RubricEdition, Sample, SampledItem, Source
from judge.records import Generation, Language
from judge.store.annotation_project import Desk, Role, Study
from judge.store.records import Run
from judge.store.store import Store, open_store
from judge.web.annotation_room import Room
from judge.web.server import Address, bound, room_server
from judge.web.setup import invite, open_room
from rubrics import load_rubric
from rubrics.reply_schema import rubric_digest

NASTY = '<script>document.title="run"</script><img src=x onerror=alert(1)>\u202e{{ 7*7 }}'


@dataclass(frozen=True)
class Served:
    """A room that answers."""

    room: Room
    url: str

    @property
    def desk(self) -> Desk:
        """Its part of the store."""
        return self.room.desk

    def link(self, name: str, role: Role = "rater", lang: Language = "en") -> str:
        """Invite a person and give the whole link."""
        (invited,) = invite(self.desk, [name], role, lang=lang)
        return self.url + invited.path

    @contextmanager
    def enter(
        self, name: str, role: Role = "rater", lang: Language = "en"
    ) -> Generator[httpx.Client]:
        """Let a person in, past the warning."""
        with httpx.Client(base_url=self.url, follow_redirects=True, timeout=30) as client:
            page = client.post(self.link(name, role, lang))
            if "/consent" in str(page.url):
                client.post("/consent", data={"csrf": csrf(page.text), "agree": "yes"})
            yield client


def csrf(text: str) -> str:
    """Find the token of a page's forms."""
    return text.split('name="csrf" value="')[1].split('"', maxsplit=1)[0]


def field(text: str, name: str) -> str:
    """Find the value of a hidden field."""
    return text.split(f'name="{name}" value="')[1].split('"', maxsplit=1)[0]


def task_of(text: str) -> str:
    """Find the opaque name of the task on a page."""
    return text.split('action="/label/')[1].split('"', maxsplit=1)[0]


def generations(
    count: int, *, systems: tuple[str, ...] = ("model-a",), texts: tuple[str, ...] = ()
) -> Iterator[Generation]:
    """Give answers in both languages, one of them hostile; `texts` are further prompts."""
    for number in range(count):
        for system in systems:
            zh = number % 2 == 0
            yield Generation(
                id=f"item-{number}",
                prompt=f"第 {number} 个问题：怎样安慰朋友？" if zh else f"Question {number}: how?",
                response=NASTY if number == 1 else f"{system} answers {number}.",
                system=system,
                group="psychology",
                lang="zh" if zh else "en",
            )
    for number, text in enumerate(texts):
        yield Generation(
            id=f"text-{number}", prompt=text, response=text, system=systems[0], group="psychology"
        )


def judged_run(
    store: Store,
    *,
    count: int = 4,
    rubric: str = "safety",
    systems: tuple[str, ...] = ("model-a",),
    name: str = "first",
    texts: tuple[str, ...] = (),
) -> Run:
    """Make a run with its rubric in both languages and a draw of all its items."""
    editions = tuple(
        RubricEdition(
            rubric=rubric,
            language=lang,
            digest=rubric_digest(load_rubric(rubric, language=lang)),
            criteria=tuple(each.id for each in load_rubric(rubric, language=lang).criteria),
        )
        for lang in ("en", "zh")
    )
    drawn = list(generations(count, systems=systems, texts=texts))
    run = store.create_run(
        name,
        Manifest(
            source=Source(name="r.jsonl", sha256="0" * 64, rows=len(drawn)),
            rubrics=editions,
            planned=0,
        ),
        generations=drawn,
        documents={
            f"rubric/{rubric}/{lang}": load_rubric(rubric, language=lang).model_dump_json()
            for lang in ("en", "zh")
        },
    )
    store.add_document(run, KIND, _sample(drawn).model_dump_json())
    return run


def _sample(drawn: list[Generation]) -> Sample:
    items = tuple(
        SampledItem(
            task=f"{number:08x}",
            id=each.id,
            system=each.system,
            sample=each.sample,
            probability=1.0,
            text_sha256="0" * 64,
        )
        for number, each in enumerate(drawn)
    )
    return Sample(design="random", seed=0, asked=(), cells=(0,) * len(items), items=items)


@contextmanager
def served_room(room: Room) -> Generator[Served]:
    """Serve a room on a free port for as long as the context lasts."""
    address = Address()
    listener = bound(address)
    server = room_server(room, address)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        # A bound socket that listens takes connections at once; the first answer waits for start.
        yield Served(room, address.url(listener.getsockname()[1]))
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        listener.close()


@contextmanager
def room_of(
    path: Path,
    *,
    count: int = 4,
    rubric: str = "safety",
    study: Study | None = None,
    systems: tuple[str, ...] = ("model-a",),
    texts: tuple[str, ...] = (),
) -> Generator[Served]:
    """Make a run in a new store and serve its room."""
    store = open_store(str(path / "store.db"))
    run = judged_run(store, count=count, rubric=rubric, systems=systems, texts=texts)
    room = open_room(Desk(store=store, run=run), study or Study())
    with served_room(room) as served:
        yield served
    store.close()
