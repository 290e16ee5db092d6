"""Test runs of deepeval: the JSON in ``DEEPEVAL_RESULTS_FOLDER`` or ``.deepeval``.

The latter holds the run under ``testRunData``. Field names are those of its LLMApiTestCase and
MetricData, https://github.com/confident-ai/deepeval/blob/main/deepeval/test_run/api.py.
"""

from collections.abc import Iterator
from pathlib import Path

from judge.files.read import Node, read_document
from judge.importers.base import Collected, Imported, Score, name_of, number_of, score_of
from judge.records import Generation


def read_deepeval(path: str | Path, *, system: str | None = None) -> Imported:
    """Read test cases as generations, and what each metric gave.

    A metric that failed has no score. Conversations of several turns are left out.

    Parameters
    ----------
    path : str or Path
    system : str, optional
        Name of the model under test, which the file does not tell; otherwise ``"default"``.

    Raises
    ------
    TableError
        If the file is no such test run, or two cases have the same name.
    """
    document = read_document(path)
    run = document.get("testRunData") or document
    found = Collected()
    for case in run.at("testCases").items():
        _read_case(case, found, system or "default")
    for case in run.items_of("conversationalTestCases"):
        found.leave_out(case, "a conversation of several turns")
    return found.all()


def _read_case(case: Node, found: Collected, system: str) -> None:
    output = case.get("actualOutput")
    if output is None:
        found.leave_out(case, "no response")
        return
    expected = case.get("expectedOutput")
    generation = Generation(
        id=name_of(case.at("name")),
        prompt=case.at("input").text(),
        response=output.text(),
        system=system,
        reference=None if expected is None else expected.text(),
    )
    found.keep(case, generation)
    found.score(case, _scores(case, generation))


def _scores(case: Node, generation: Generation) -> Iterator[Score]:
    for metric in case.items_of("metricsData"):
        model = metric.get("evaluationModel")
        judge = "deepeval" if model is None else model.text()
        score = None if metric.get("error") else number_of(metric.get("score"))
        yield score_of(generation, metric.at("name").text(), score, judge=judge)
