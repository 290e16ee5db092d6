"""Open the experts' room that a command describes, print its links, and serve it."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from cvalues.taxonomy import DOMAINS, SCENARIOS
from judge.calibrate.label_sampling import Wish, least_labels, prompts_by_group
from judge.cli import console
from judge.cli.console import parts
from judge.errors import ConfigError
from judge.files.decoding import counted
from judge.grading.pointwise import edition_of
from judge.manifest import Sample, SampleDesign
from judge.models.base import addressed
from judge.records import Candidate, Judge, Language
from judge.store.annotation_project import Desk, Role, Screen, Study
from judge.store.records import Run
from judge.store.run_contents import samples_of
from judge.store.store import Store, open_store
from judge.web.annotation_room import Topic
from judge.web.live_model import Asker
from judge.web.server import Address, bound, checked, room_server
from judge.web.setup import (
    Invited,
    collecting_run,
    draw_for_room,
    invite,
    labelling_run,
    open_room,
)

Models = tuple[Candidate, Judge | None] | None


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A room as the command line describes it."""

    run: str
    wish: Wish | None
    study: Study
    people: Mapping[Role, tuple[str, ...]]
    lang: Language
    models: Models
    """The model under test and the judge whose opinion is shown; None to collect nothing."""
    rubric: str | None
    criteria: tuple[str, ...]
    """What experts are asked of collected conversations; empty for all criteria."""
    collected: str | None
    """A run whose attack conversations are to be labelled; None for the run's own items."""
    max_calls: int | None
    address: Address


def serve(wanted: Wanted, *, store: str, as_json: bool) -> None:
    """Serve a room until somebody stops the program."""
    listener = bound(wanted.address)
    kept = open_store(store)
    try:
        desk = Desk(store=kept, run=_run(kept, wanted))
        before = samples_of(kept, desk.run)
        room = open_room(
            desk,
            wanted.study,
            wish=wanted.wish,
            asker=_asker(desk, wanted),
            topics=_topics(),
            hosts=wanted.address.names,
            tls=wanted.address.tls,
        )
        _note_what_stands(room.study, wanted.study)
        invited = [
            each
            for role, names in wanted.people.items()
            for each in invite(desk, names, role, lang=wanted.lang)
        ]
        _show(
            wanted.address.url(listener.getsockname()[1]),
            invited,
            tasks=_tasks(kept, desk.run, wanted.wish, before=before),
            as_json=as_json,
        )
        room_server(room, wanted.address).run(sockets=[listener])
    finally:
        kept.close()
        listener.close()


def wish(
    n: int | None, *, by: str | None, design: str, criterion: str | None, seed: int
) -> Wish | None:
    """Read what is to be drawn; None without a number."""
    if n is None:
        return None
    return Wish(
        n=n,
        by=by,
        design=console.one_of(design, get_args(SampleDesign), option="--design"),
        criteria=parts(criterion) if criterion else (),
        seed=seed,
    )


def study(*, screen: str, per_item: int, third: str, seed: int) -> Study:
    """Read how labelling is set up."""
    return Study(
        screen=console.one_of(screen, get_args(Screen), option="--screen"),
        per_item=per_item,
        third=console.one_of(third, ("reviewer", "anyone", "nobody"), option="--third"),
        seed=seed,
    )


def models(
    model: str | None,
    *,
    base_url: str | None,
    api_key_env: str | None,
    judge: str | None,
    judge_base_url: str | None,
) -> Models:
    """Read which models the room talks to."""
    if model is None:
        if judge is not None:
            raise ConfigError("--judge gives its opinion of a model's replies; name --model too.")
        return None
    candidate = addressed(
        Candidate(model=model, base_url=base_url, api_key_env=api_key_env, temperature=0.7)
    )
    if judge is None:
        return candidate, None
    return candidate, addressed(
        Judge(model=judge, base_url=judge_base_url or base_url, api_key_env=api_key_env)
    )


def address(
    host: str, port: int, *, tls: tuple[Path | None, Path | None], insecure: bool
) -> Address:
    """Read where to serve, and refuse what would let strangers read along unasked."""
    return checked(Address(host=host, port=port, certificate=tls[0], key=tls[1], insecure=insecure))


def _run(store: Store, wanted: Wanted) -> Run:
    from judge.cli.console import run_named

    known = store.find_run(wanted.run)
    if wanted.collected is not None:
        return known or _labelling(store, wanted, wanted.collected)
    if known is None and wanted.models is not None:
        return collecting_run(store, wanted.run, wanted.models[0])
    return known or run_named(store, wanted.run)


def _labelling(store: Store, wanted: Wanted, collected: str) -> Run:
    """Make a run of collected conversations, all of them drawn unless fewer are wanted."""
    from judge.cli.console import run_named

    run = labelling_run(
        store,
        wanted.run,
        collected=run_named(store, collected),
        rubric=wanted.rubric or "conversation-safety",
    )
    n = len({(each.cluster, each.system, each.sample) for each in store.generations(run)})
    asked = wanted.wish or Wish(n=n, criteria=wanted.criteria, seed=wanted.study.seed)
    console.note(f"run {run.name}: {counted(n, 'conversation')} collected in {collected}")
    draw_for_room(store, run, asked)
    return run


def _asker(desk: Desk, wanted: Wanted) -> Asker | None:
    if wanted.models is None:
        return None
    candidate, judge = wanted.models
    return Asker(
        desk=desk,
        candidate=candidate,
        judge=judge,
        edition=edition_of(wanted.rubric or "safety"),
        max_calls=wanted.max_calls,
    )


def _topics() -> tuple[Topic, ...]:
    scenarios = (
        Topic(key=each.key, zh=each.name_zh, en=each.name_en, kind="attack") for each in SCENARIOS
    )
    domains = (
        Topic(key=each.key, zh=each.name_zh, en=each.name_en, kind="expert") for each in DOMAINS
    )
    return (*scenarios, *domains)


def _note_what_stands(kept: Study, wanted: Study) -> None:
    """Say which options were not taken, because the room was set up otherwise before."""
    stands = [
        f"--{name.replace('_', '-')} {getattr(kept, name)}"
        for name in ("screen", "per_item", "third", "seed")
        if getattr(kept, name) != getattr(wanted, name)
    ]
    if stands:
        console.note(f"the room was set up before; from then stands {', '.join(stands)}")


def _tasks(
    store: Store, run: Run, wish: Wish | None, *, before: tuple[Sample, ...]
) -> tuple[str, ...]:
    """Say which draws the room serves, what --n did, and what a gate will need at least."""
    samples = samples_of(store, run)
    if not samples:
        return ()
    draws = ", ".join(
        f"{each.name or 'a draw'} ({counted(len(each.items), 'response')})" for each in samples
    )
    said = [f"open for labels: {draws}"]
    if wish is not None and before:
        said.append(
            f"--n {wish.n} drew nothing, for there is a draw; add to it with: cvalues sample "
            f"{run.name} --add {wish.n} --out more.csv, and open the room again"
        )
    unit = samples[-1].unit
    items = {item.unit for each in samples for item in each.items}
    of_draws = (each for each in store.generations(run) if each.unit in items)
    drawn = prompts_by_group(of_draws, unit=unit).values()
    sizes = prompts_by_group(store.generations(run), unit=unit)
    return (*said, *least_labels(sizes, drawn=sum(drawn)))


def _show(url: str, invited: list[Invited], *, tasks: tuple[str, ...], as_json: bool) -> None:
    links = [{"rater": each.rater, "role": each.role, "link": url + each.path} for each in invited]
    if as_json:
        console.as_json({"url": url, "links": links, "tasks": tasks})
    else:
        console.say(f"the room is open at {url}; Ctrl-C closes it")
        for link in links:
            console.say(f"{link['role']} {link['rater']}: {link['link']}")
        for sentence in tasks:
            console.say(sentence)
    sys.stdout.flush()
