"""Ask the model under test: prompts in, answers out.

A refusal, a filtered or a cut answer is what the model does, so it is a result; only a failure of
the infrastructure is an error.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from judge.config import Manifest, Source
from judge.keys import digest, model_digest
from judge.models.base import Message, Question, Reply
from judge.models.budget import spent
from judge.parsing import FILTERED, TRUNCATED
from judge.records import Answer, Attempt, Candidate, Finish, Item, Reason
from judge.store.base import Run
from judge.store.sql import Store


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
        return Answer(
            key=self.key,
            id=self.item.id,
            system=self.system,
            sample=self.sample,
            item=self.item,
            outcome="ok" if filtered or reason is None else reason,
            response=(reply.text or reply.refusal or "") if reply else "",
            finish=ending(reply) if reply else "filtered" if filtered else None,
            provenance=reply.provenance if reply else "LIVE",
            served_model=reply.served_model if reply else None,
            **spent(attempts),
        )


def ending(reply: Reply) -> Finish:
    """Say how a model under test ended its answer, by the provider's own signals."""
    finish = (reply.finish_reason or "").lower()
    if finish in FILTERED:
        return "filtered"
    if reply.refusal or finish == "refusal":
        return "refused"
    if finish in TRUNCATED:
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

    @property
    def asked(self) -> tuple[Candidate, ...]:
        """The model that will be asked."""
        return (self.candidate,)

    def tasks(self) -> Iterator[Prompting]:
        """Plan every answer, in the order of the file."""
        shared = digest([model_digest(self.candidate), self.system_prompt])
        for item in self.read():
            for sample in range(self.samples):
                yield Prompting(
                    item=item,
                    candidate=self.candidate,
                    system=self.system,
                    system_prompt=self.system_prompt,
                    sample=sample,
                    key=digest([shared, item.prompt, sample]),
                )

    def manifest(self) -> Manifest:
        """Say what the run is made of; the whole file is read, so a bad one is refused here."""
        return Manifest(
            kind="generate",
            source=self.source,
            candidate=self.candidate,
            system_prompt=self.system_prompt,
            repeats=self.samples,
            planned=sum(1 for _ in self.tasks()),
        )

    def create(self, store: Store, name: str, manifest: Manifest) -> Run:
        """Keep a new run with its prompts."""
        return store.create_run(name, manifest, items=self.read())
