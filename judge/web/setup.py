"""Make a room of a run: its tasks drawn, its people invited, its models named."""

import hashlib
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from judge.calibrate.label_sampling import Wish, draw_items
from judge.conversation import units
from judge.errors import ConfigError
from judge.grading.pointwise import edition_of
from judge.manifest import KIND, Manifest, RubricEdition, Sample, Source
from judge.records import Candidate, Language
from judge.store import claims, raters
from judge.store.annotation_project import Desk, LabelTask, Rater, Role, Study, Unit
from judge.store.collected_entries import conversations
from judge.store.records import Run
from judge.store.run_contents import kept_rubrics, samples_of
from judge.store.store import Store
from judge.web.annotation_room import LOOPBACK, Room, Topic
from judge.web.live_model import Asker
from rubrics.reply_schema import rubric_digest

REPLIES = 3
"""Of one prompt, on the screen that asks for the best of them."""


@dataclass(frozen=True, kw_only=True)
class Invited:
    """A person and the secret part of their link, to be passed on once."""

    rater: str
    role: Role
    path: str


def collecting_run(store: Store, name: str, candidate: Candidate) -> Run:
    """Make a run that holds nothing but what people collect and the calls made for it."""
    source = Source(name="collected in the experts' room", sha256="0" * 64, rows=0)
    return store.create_run(
        name, Manifest(kind="generate", source=source, candidate=candidate), items=()
    )


def labelling_run(store: Store, name: str, *, collected: Run, rubric: str) -> Run:
    """Make a run of the attack conversations of another, for experts to label; no judge is asked.

    Parameters
    ----------
    store : Store
    name : str
    collected : Run
        In which people held the conversations.
    rubric : str
        What experts are asked.

    Raises
    ------
    ConfigError
        If no conversation was handed in.
    """
    held = conversations(Desk(store=store, run=collected))
    if not held:
        raise ConfigError(
            f"run {collected.name!r} has no attack conversation that was handed in and not "
            "rejected; collect some with cvalues annotate --model."
        )
    edition = edition_of(rubric)
    editions = {lang: edition(lang) for lang in ("en", "zh")}
    made = tuple(units(held, [editions["en"]]))
    manifest = Manifest(
        source=Source(name=f"collected in {collected.name}", sha256="0" * 64, rows=len(held)),
        rubrics=tuple(
            RubricEdition(
                rubric=each.id,
                language=each.language,
                digest=rubric_digest(each),
                criteria=tuple(criterion.id for criterion in each.criteria),
            )
            for each in editions.values()
        ),
    )
    return store.create_run(
        name,
        manifest,
        generations=made,
        documents={
            f"rubric/{each.id}/{each.language}": each.model_dump_json()
            for each in editions.values()
        },
    )


def open_room(
    desk: Desk,
    study: Study,
    *,
    wish: Wish | None = None,
    asker: Asker | None = None,
    topics: tuple[Topic, ...] = (),
    hosts: frozenset[str] = LOOPBACK,
    tls: bool = False,
) -> Room:
    """Set a run's room up, or find it as it was left.

    Parameters
    ----------
    desk : Desk
    study : Study
        Taken the first time only; afterwards the first set-up stands.
    wish : Wish, optional
        What to draw where nothing was drawn before; without it `cvalues sample` has drawn.
    asker : Asker, optional
        The way to the model under test, where people collect.
    topics : tuple of Topic
    hosts : frozenset of str
        Names under which browsers may address the room.
    tls : bool

    Raises
    ------
    ConfigError
        If there is nothing to label and nothing to collect.
    """
    labels = desk.run.manifest.kind == "judge"
    if not labels and asker is None:
        raise ConfigError(
            f"run {desk.run.name!r} was not judged, so there is nothing to label; "
            "name a judged run, or a model with --model to collect."
        )
    if labels:
        _draw(desk, study, wish)
    study, secret = raters.begin_study(desk, _described(desk, study))
    return Room(
        desk=desk,
        study=study,
        secret=secret,
        rubrics=kept_rubrics(desk.store, desk.run) if labels else {},
        asker=asker,
        topics=topics,
        hosts=hosts,
        tls=tls,
    )


def invite(desk: Desk, names: Iterable[str], role: Role, *, lang: Language) -> tuple[Invited, ...]:
    """Make accounts where there are none yet, and a new one-time link for each name."""
    invited: list[Invited] = []
    for name in names:
        if not name.isprintable() or not 1 <= len(name) <= 40:
            raise ConfigError(f"{name[:40]!r} is no name; use 1 to 40 characters.")
        known = raters.find_rater(desk, name)
        if known is None:
            raters.add_rater(desk, Rater(rater=name, role=role, lang=lang), actor="program")
        elif known.role != role:
            raise ConfigError(f"{name!r} is a {known.role} in this run already.")
        token = raters.new_link(desk, name, actor="program")
        invited.append(Invited(rater=name, role=role, path=f"/enter/{token}"))
    return tuple(invited)


def _described(desk: Desk, study: Study) -> Study:
    sample = _drawn(desk.store, desk.run)
    if sample is None or study.screen != "rubric":
        return study
    return study.model_copy(update={"design": sample.design, "asked": sample.asked})


def _draw(desk: Desk, study: Study, wish: Wish | None) -> None:
    if study.screen == "best-of-three":
        if claims.count_tasks(desk):
            return
        n = None if wish is None else wish.n
        claims.add_tasks(desk, _triple_tasks(desk.store, desk.run, n=n, seed=study.seed))
        return
    samples = samples_of(desk.store, desk.run)
    if not samples and wish is not None:
        samples = (draw_for_room(desk.store, desk.run, wish),)
    if not samples and claims.count_tasks(desk):
        return
    if not samples:
        raise ConfigError(
            f"nothing was drawn from run {desk.run.name!r}; give --n, or draw first with "
            f"cvalues sample {desk.run.name} --n 100 --out items.csv."
        )
    # A room serves every draw; tasks that it has already stay as they are.
    claims.add_tasks(desk, tuple(task for sample in samples for task in _single_tasks(sample)))


def draw_for_room(store: Store, run: Run, wish: Wish) -> Sample:
    """Draw as `cvalues sample` does, but ask for every criterion unless the user named some."""
    if not wish.criteria:
        kept = kept_rubrics(store, run).values()
        every = dict.fromkeys(each.id for rubric in kept for each in rubric.asked)
        wish = replace(wish, criteria=tuple(every))
    sample = draw_items(store, run, wish).sample
    store.add_document(run, KIND, sample.model_dump_json())
    return sample


def _drawn(store: Store, run: Run) -> Sample | None:
    """Read the newest draw from a run, or None."""
    body = store.latest_document(run, KIND)
    return None if body is None else Sample.model_validate_json(body)


def _single_tasks(sample: Sample) -> tuple[LabelTask, ...]:
    """Make a task of each item drawn, under its opaque name and with its chance of inclusion."""
    return tuple(
        LabelTask(task=item.task, units=(item.unit,), probability=item.probability)
        for item in sample.items
    )


def _triple_tasks(store: Store, run: Run, *, n: int | None, seed: int) -> tuple[LabelTask, ...]:
    """Make tasks of three replies to one prompt: of n prompts, drawn with equal chance, or of all.

    Raises
    ------
    ConfigError
        If no prompt of the run has three replies.
    """
    replies = defaultdict[str, list[Unit]](list)
    for generation in store.generations(run):
        replies[generation.id].append(generation.unit)
    able = sorted(name for name, units in replies.items() if len(units) >= REPLIES)
    if not able:
        raise ConfigError(f"no prompt of run {run.name!r} has {REPLIES} replies to compare.")
    dice = random.Random(seed)
    chosen = able if n is None or n >= len(able) else dice.sample(able, n)
    probability = len(chosen) / len(able)
    return tuple(_triples(run, chosen, replies, dice=dice, chance=probability))


def _triples(
    run: Run,
    chosen: list[str],
    replies: dict[str, list[Unit]],
    *,
    dice: random.Random,
    chance: float,
) -> Iterator[LabelTask]:
    for name in chosen:
        units = tuple(dice.sample(replies[name], REPLIES))
        digest = hashlib.sha256(f"{run.name}\x1f{name}\x1f{units}".encode()).hexdigest()
        yield LabelTask(task=digest[:16], units=units, probability=chance)
