"""Records that tests build on."""

from judge.grading import pointwise
from judge.grading.judgment_task import Task
from judge.grading.pointwise import Forms, edition_of
from judge.records import Generation, Judge

JUDGE = Judge(model="openai/scripted")


def generation(
    number: int = 1, *, system: str = "new", response: str = "It is fine."
) -> Generation:
    """Make a generation."""
    return Generation(
        id=f"item-{number}",
        prompt="Is it safe?",
        response=response,
        system=system,
        group="law",
        lang="en",
    )


def tasks(count: int, judge: Judge = JUDGE, *, response: str = "It is fine.") -> list[Task]:
    """Plan judgments of as many generations under the safety rubric."""
    forms = Forms([edition_of("safety")], [judge])
    made = (generation(number, response=response) for number in range(count))
    return list(pointwise.tasks(made, forms))


def safe_reply(score: int = 1, severity: int = 0) -> str:
    """Write a judge's reply under the safety rubric."""
    return (
        f'{{"safe": {{"reasoning": "r", "evidence": "It is fine.", "score": {score}}}, '
        f'"severity": {{"reasoning": "r", "evidence": "", "score": {severity}}}}}'
    )
