"""The plan of a run: generations, rubrics and judges, or prompts and the model that is asked."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Self

from judge.grading import pairwise, pointwise
from judge.grading.judgment_task import Form, Task
from judge.grading.pointwise import Edition, Forms
from judge.grading.windows import WINDOW
from judge.manifest import AS_IT_IS, Manifest, OnRefusal, RubricEdition, Source
from judge.models.base import Message, Question, Reply, Token
from judge.models.chat_completion import finish_of
from judge.models.limits import spent
from judge.records import (
    Answer,
    Attempt,
    Candidate,
    Finish,
    Generation,
    Item,
    Judge,
    Reason,
    Record,
    digest,
    model_digest,
)
from judge.store.records import Run
from judge.store.run_contents import kept_rubrics, rubric_document
from rubrics.library import fitting
from rubrics.rubric import Rubric

if TYPE_CHECKING:
    from judge.store.store import Store

# The form in which a model under test is asked to answer: words, JSON, or one likely option.

Ask = Literal["text", "json", "logprob"]

LEAST_MASS = 0.5
"""Probability that the options must have together; with less the model meant to say something
else, and its words are what is read."""

FIRST_TOKENS = 8
"""Tokens among which the option is looked for; quotation marks and blanks may stand before it."""


class AnswerForm(Record):
    """How a model is asked to answer."""

    ask: Ask = "text"
    options: tuple[str, ...] = ()
    """What it may answer; each is one token in common vocabularies, where tokens count."""
    member: str = "choice"
    """Name of the one member of a JSON object."""

    @property
    def reply_schema(self) -> Mapping[str, object] | None:
        """JSON schema of the answer; None where words are wanted."""
        if self.ask != "json":
            return None
        option = {"type": "string", "enum": list(self.options)}
        return {
            "title": "Choice",
            "type": "object",
            "properties": {self.member: option},
            "required": [self.member],
            "additionalProperties": False,
        }

    def written(self) -> dict[str, str]:
        """Write the form for a manifest; nothing where words are wanted."""
        if self.ask == "text":
            return {}
        named = "" if self.member == "choice" else f":{self.member}"
        return {"ask": f"{self.ask}:{','.join(self.options)}{named}"}

    @classmethod
    def read(cls, prompts: Mapping[str, str]) -> Self:
        """Read the form that a manifest holds."""
        ask, options, member = (*prompts.get("ask", "text").split(":"), "", "")[:3]
        listed = tuple(options.split(",")) if options else ()
        return cls.model_validate({"ask": ask, "options": listed, "member": member or "choice"})


WORDS = AnswerForm()
"""The usual form."""


def option_probabilities(
    tokens: Sequence[Token] | None, options: Sequence[str]
) -> dict[str, float] | None:
    """Give the probability of each option at the first place where one of them may stand.

    Parameters
    ----------
    tokens : sequence of Token, or None
        Of the reply, with their alternatives; None where the server told none.
    options : sequence of str

    Returns
    -------
    dict of str to float, or None
        They sum to 1; None where the options have less than `LEAST_MASS` together.
    """
    known = {option.casefold(): option for option in options}
    for token in (tokens or ())[:FIRST_TOKENS]:
        mass = dict.fromkeys(options, 0.0)
        for text, logprob in token.alternatives.items():
            option = known.get(text.strip().casefold())
            if option is not None:
                mass[option] += math.exp(logprob)
        total = sum(mass.values())
        if total >= LEAST_MASS:
            return {option: share / total for option, share in mass.items()}
    return None


RULES = "rules"
"""What stands in the place of the judge's name where no judge is asked."""


@dataclass(frozen=True, kw_only=True)
class JudgingPlan:
    """What is to be judged, by what and by whom."""

    source: Source
    read: Callable[[], Iterator[Generation]]
    """Gives the units to be judged anew with each call, so that they need not be held; of
    conversations see `judge.conversation.units`."""
    editions: tuple[Edition, ...]
    """One for each rubric."""
    judges: tuple[Judge, ...]
    repeats: int = 1
    pairwise: bool = False
    language: str = "en"
    """In which items are judged whose own language a rubric lacks."""
    on_refusal: OnRefusal = AS_IT_IS
    """What is tried when a judge declines; only where responses are graded one at a time."""
    window: int | None = None
    """Characters of a window of a long conversation; None for the usual ones."""

    @property
    def asked(self) -> tuple[Judge, ...]:
        """The models that will be asked; none where all criteria are rules."""
        # All languages of a rubric measure the same, by rules or by a judge.
        if not any(edition(None).asked for edition in self.editions):
            return ()
        second = self.on_refusal.second
        escalated = (one.escalation.judge for one in self.judges if one.escalation is not None)
        others = () if second is None else (second,)
        return (*self.judges, *others, *escalated)

    def tasks(self) -> Iterator[Task]:
        """Plan every judgment, streaming where the grading allows it."""
        return self.tasks_of(self.read())

    def tasks_of(self, generations: Iterable[Generation]) -> Iterator[Task]:
        """Plan the judgments of some generations; of pairs, all responses must be among them."""
        if self.pairwise:
            return pairwise.tasks(generations, self.editions, self.judges, repeats=self.repeats)
        return pointwise.tasks(generations, self._forms, repeats=self.repeats)

    @cached_property
    def _forms(self) -> Forms:
        return Forms(self.editions, self.judges, self.on_refusal, window=self.window or WINDOW)

    def manifest(self) -> Manifest:
        """Say what the run is made of, before anything is asked.

        All generations are read once, so a bad file is refused before anything is written.
        """
        forms: dict[str, Form] = {}
        planned = 0
        for task in self.tasks():
            planned += 1
            place = f"{task.form.rubric}/{task.form.language}/{task.generation.group or ''}"
            if task.form.asked is not None:
                place += "/questions"
            forms.setdefault(place, task.form)
        return Manifest(
            kind="pairwise" if self.pairwise else "judge",
            source=self.source,
            rubrics=_editions(forms.values()),
            judges=self.judges,
            judge_digests={judge.name: model_digest(judge) for judge in self.judges},
            on_refusal=self.on_refusal,
            window=self.window,
            prompts={place: form.prompt_digest for place, form in forms.items()},
            repeats=self.repeats,
            planned=planned,
            language=self.language,
        )

    def create(self, store: "Store", name: str, manifest: Manifest) -> Run:
        """Keep a new run, with the rubrics themselves: a user's file may change or go."""
        asked = {(edition.rubric, edition.language) for edition in manifest.rubrics}
        languages = dict.fromkeys(edition.language for edition in manifest.rubrics)
        rubrics = [edition(language) for edition in self.editions for language in languages]
        documents = dict(
            rubric_document(rubric) for rubric in rubrics if (rubric.id, rubric.language) in asked
        )
        return store.create_run(name, manifest, generations=self.read(), documents=documents)


def _editions(forms: Iterable[Form]) -> tuple[RubricEdition, ...]:
    found = {(form.rubric, form.language): form for form in forms}
    return tuple(
        RubricEdition(
            rubric=rubric, language=language, digest=form.rubric_hash, criteria=form.criteria
        )
        for (rubric, language), form in sorted(found.items())
    )


# Ask the model under test: prompts in, answers out.
#
# A refusal, a filtered or a cut answer is what the model does, so it is a result; only a
# failure of the infrastructure is an error.


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompting:
    """One answer to be asked for."""

    item: Item
    candidate: Candidate
    system: str
    """Name under which the answers are kept."""
    system_prompt: str | None
    sample: int
    key: str
    form: AnswerForm = WORDS

    @property
    def asks(self) -> str:
        """Name of the model under test."""
        return self.candidate.name

    @property
    def slot(self) -> tuple[str, ...]:
        """Which answer of the run this is."""
        return (self.item.id, self.system, str(self.sample))

    def foregone(self) -> None:
        """Say that every prompt has to be asked."""

    def question(self, nonce: str) -> Question:  # noqa: ARG002 - a prompt to the model under test is contained in nothing
        """Build the call: the prompt as it is, after the system prompt where there is one."""
        told = [Message(role="system", content=self.system_prompt)] if self.system_prompt else []
        seed = self.candidate.seed
        return Question(
            messages=(*told, Message(role="user", content=self.item.prompt)),
            reply_schema=self.form.reply_schema,
            logprobs=self.form.ask == "logprob",
            temperature=self.candidate.temperature,
            max_tokens=self.candidate.max_tokens,
            # Samples of one prompt must be able to differ where the provider honours seeds.
            seed=None if seed is None else seed + self.sample,
        )

    def otherwise(self, made: object) -> None:
        """Say that a refusal of the model under test is its answer."""

    def concluded(self, attempts: Sequence[Attempt], came: Reply | Reason, *, nonce: str) -> Answer:  # noqa: ARG002 - as above
        """Make the answer of a reply, or of the reason why there is none."""
        reply = came if isinstance(came, Reply) else None
        reason = None if isinstance(came, Reply) else came
        filtered = reason == "unscored.content_filtered"
        logprob = self.form.ask == "logprob"
        found = option_probabilities(reply.tokens if reply else None, self.form.options)
        said = (reply.text or reply.refusal or "") if reply else ""
        return Answer(
            key=self.key,
            id=self.item.id,
            system=self.system,
            sample=self.sample,
            item=self.item,
            outcome="ok" if filtered or reason is None else reason,
            response=max(found, key=found.__getitem__) if logprob and found else said,
            probabilities=found if logprob else None,
            finish=ending(reply) if reply else "filtered" if filtered else None,
            provenance=reply.provenance if reply else "LIVE",
            served_model=reply.served_model if reply else None,
            **spent(attempts),
        )


def ending(reply: Reply) -> Finish:
    """Say how a model under test ended its answer, by the provider's own signals."""
    finish = finish_of(reply.finish_reason)
    if finish == "content_filter":
        return "filtered"
    if reply.refusal or finish == "refusal":
        return "refused"
    if finish == "length":
        return "truncated"
    return "complete" if (reply.text or "").strip() else "empty"


@dataclass(frozen=True, kw_only=True)
class GeneratingPlan:
    """Which prompts are put to which model under test, and how often."""

    source: Source
    read: Callable[[], Iterator[Item]]
    """Gives the prompts anew with each call."""
    candidate: Candidate
    system: str
    """Name under which the answers are kept."""
    system_prompt: str | None = None
    samples: int = 1
    form: AnswerForm = WORDS
    """How the model is asked to answer."""

    @property
    def asked(self) -> tuple[Candidate, ...]:
        """The model that will be asked."""
        return (self.candidate,)

    def tasks(self) -> Iterator[Prompting]:
        """Plan every answer, in the order of the file."""
        return self.tasks_of(self.read())

    def tasks_of(self, items: Iterable[Item]) -> Iterator[Prompting]:
        """Plan the answers to some prompts."""
        asked = list(self.form.written().values())
        shared = digest([model_digest(self.candidate), self.system_prompt, *asked])
        for item in items:
            for sample in range(self.samples):
                yield Prompting(
                    item=item,
                    candidate=self.candidate,
                    system=self.system,
                    system_prompt=self.system_prompt,
                    sample=sample,
                    form=self.form,
                    key=digest([shared, item.prompt, sample]),
                )

    def manifest(self) -> Manifest:
        """Say what the run is made of; the whole file is read, so a bad one is refused here."""
        return Manifest(
            kind="generate",
            source=self.source,
            candidate=self.candidate,
            system_prompt=self.system_prompt,
            prompts=self.form.written(),
            repeats=self.samples,
            planned=sum(1 for _ in self.tasks()),
        )

    def create(self, store: "Store", name: str, manifest: Manifest) -> Run:
        """Keep a new run with its prompts."""
        documents = {SYSTEM: self.system}
        return store.create_run(name, manifest, items=self.read(), documents=documents)


SYSTEM = "system"
"""The kind of document that names the model under test as tables show it."""


def plan_of_run(store: "Store", run: "Run") -> JudgingPlan | GeneratingPlan:
    """Make the plan of a run again from what its store holds, and from nothing else."""
    manifest = run.manifest
    if manifest.candidate is not None:
        system = store.latest_document(run, SYSTEM) or manifest.candidate.name
        return GeneratingPlan(
            source=manifest.source,
            read=lambda: store.items(run),
            candidate=manifest.candidate,
            system=system,
            system_prompt=manifest.system_prompt,
            samples=manifest.repeats,
            form=AnswerForm.read(manifest.prompts),
        )
    kept = kept_rubrics(store, run)
    return JudgingPlan(
        source=manifest.source,
        read=lambda: store.generations(run),
        editions=tuple(
            _kept_edition(kept, rubric, default=manifest.language)
            for rubric in dict.fromkeys(edition.rubric for edition in manifest.rubrics)
        ),
        judges=manifest.judges,
        repeats=manifest.repeats,
        pairwise=manifest.kind == "pairwise",
        language=manifest.language,
        on_refusal=manifest.on_refusal,
        window=manifest.window,
    )


def _kept_edition(kept: Mapping[tuple[str, str], Rubric], rubric: str, *, default: str) -> Edition:
    """Give a kept rubric in the language that is asked for, or in the one that the run names."""
    known = {language: found for (name, language), found in kept.items() if name == rubric}
    return lambda tag: fitting(known, tag, default=default)
