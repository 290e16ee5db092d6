"""Compare the responses of two systems to the same prompt, always in both orders.

A preference is a score: 1 where the first system of the pair is better, -1 where the second is,
0 for a tie. A judge that changes its mind with the order has no preference, and says so.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, product

from pydantic import BaseModel

from judge.conversation import tag_of
from judge.errors import ConfigError
from judge.grading.judgment_task import Form, Order, Task, form_key, task_key
from judge.grading.pointwise import Edition
from judge.grading.reply_parsing import read_reply
from judge.records import Generation, Judge, Scored, Unscored, Verdict
from rubrics.reply_schema import rubric_digest
from rubrics.rubric import Rubric

ORDERS: tuple[Order, Order] = ("forward", "backward")
_SIGN = {"1": 1, "2": -1, "tie": 0}


def pair_name(first: str, second: str) -> str:
    """Name a pair of systems as tables show it."""
    return f"{first} vs {second}"


def form(rubric: Rubric, group: str | None, order: Order) -> Form:
    """Make the common part of all comparisons under a rubric, for one order."""
    from rubrics import prompt, reply_schema

    reply_model = reply_schema.pairwise_model(rubric)
    return Form(
        rubric=rubric.id,
        rubric_hash=rubric_digest(rubric),
        language=rubric.language,
        trusted=prompt.render_pairwise(rubric, group=group),
        reply_schema=reply_schema.pairwise_schema(rubric),
        criteria=tuple(criterion.id for criterion in rubric.criteria),
        read=lambda reply, canaries: read(
            rubric, read_reply(reply, reply_model, canaries=canaries), order
        ),
    )


def read(rubric: Rubric, reply: BaseModel, order: Order) -> tuple[Verdict, ...]:
    """Turn a valid reply into one preference for each criterion, in terms of the pair."""
    turn = -1 if order == "backward" else 1
    return tuple(
        _preference(criterion.id, getattr(reply, criterion.id), turn)
        for criterion in rubric.criteria
    )


def _preference(criterion: str, given: object, turn: int) -> Verdict:
    preference = str(getattr(given, "preference"))  # noqa: B009 - a field of a model made at run time
    reasoning = str(getattr(given, "reasoning"))  # noqa: B009 - as above
    if preference not in _SIGN:
        return Unscored(criterion=criterion, outcome="unscored.cannot_assess", rationale=reasoning)
    return Scored(criterion=criterion, score=turn * _SIGN[preference], rationale=reasoning)


def pairs(generations: Iterable[Generation]) -> Iterator[tuple[Generation, Generation]]:
    """Match the responses to each prompt, two systems at a time; all are held in memory."""
    by_prompt = defaultdict[tuple[str, int], list[Generation]](list)
    for generation in generations:
        if generation.messages:
            raise ConfigError(
                f"--pairwise compares single responses, and {generation.id!r} is a conversation; "
                "judge both systems without --pairwise and compare the runs."
            )
        by_prompt[generation.id, generation.sample].append(generation)
    for responses in by_prompt.values():
        yield from combinations(sorted(responses, key=lambda each: each.system), 2)


def tasks(
    generations: Iterable[Generation],
    editions: Sequence[Edition],
    judges: Sequence[Judge],
    *,
    repeats: int = 1,
) -> Iterator[Task]:
    """Plan every comparison of a run, in both orders."""
    made: dict[tuple[int, str | None, str | None, Order], Form] = {}
    for first, second in pairs(generations):
        unit = first.model_copy(update={"system": pair_name(first.system, second.system)})
        lang = tag_of(first)
        meant = [
            (number, edition)
            for number, edition in enumerate(editions)
            if edition(lang).applies_to(first.group)
        ]
        for (number, edition), order in product(meant, ORDERS):
            place = (number, lang, first.group, order)
            if place not in made:
                made[place] = form(edition(lang), first.group, order)
            fields = _fields(first, second, order)
            for judge, repeat in product(judges, range(repeats)):
                yield Task(
                    generation=unit,
                    material=fields,
                    form=made[place],
                    judge=judge,
                    key=task_key(form_key(made[place], judge), fields, repeat=repeat),
                    repeat=repeat,
                    order=order,
                )


def _fields(first: Generation, second: Generation, order: Order) -> dict[str, str]:
    shown = (first, second) if order == "forward" else (second, first)
    fields = {
        "prompt": first.prompt,
        "response_1": shown[0].response,
        "response_2": shown[1].response,
    }
    if first.reference is not None:
        fields["reference"] = first.reference
    return fields
