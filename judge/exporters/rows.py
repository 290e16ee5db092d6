"""Tidy rows of a run, one kind of thing each, with the columns that users script against."""

from collections.abc import Iterator, Mapping
from typing import Final, Literal

from judge.panel import with_panel
from judge.records import Attempt, Generation, Judgment, Verdict
from judge.store.base import Label, Run
from judge.store.sql import Store
from judge.summary import Cell, concluded, summarise

What = Literal["verdicts", "attempts", "labels", "summary", "generations"]
Row = Mapping[str, object]


COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "verdicts": (
        "run",
        "id",
        "system",
        "sample",
        "group",
        "judge",
        "rubric",
        "rubric_hash",
        "criterion",
        "repeat",
        "order",
        "score",
        "outcome",
        "rationale",
        "evidence",
        "flags",
        "provenance",
        "served_model",
        "prompt_tokens",
        "completion_tokens",
        "cost_usd",
        "latency_ms",
        "lang",
        "rung",
        "attempts",
        "key",
    ),
    "labels": (
        "id",
        "system",
        "rater",
        "criterion",
        "score",
        "sample",
        "group",
        "rationale",
        "rubric",
        "rubric_hash",
        "kind",
        "source",
    ),
    "generations": ("id", "prompt", "response", "system", "sample"),
}
"""Columns of tables that a run may have no row of yet; a response may have more."""


def rows(store: Store, run: Run, what: What) -> Iterator[Row]:
    """Stream one kind of rows of a run.

    Parameters
    ----------
    store : Store
    run : Run
    what : {'verdicts', 'attempts', 'labels', 'summary', 'generations'}
        One row for each verdict (item, judge, rubric, criterion, repeat), HTTP call, expert
        label, criterion and group, or response.
    """
    if what == "attempts":
        return (_attempt(run, attempt) for attempt in store.attempts(run))
    if what == "labels":
        return (_label(label) for label in store.labels(run))
    if what == "generations":
        return (generation_row(generation) for generation in _generations(store, run))
    if what == "summary":
        counted = concluded(store.judgments(run), run.manifest)
        return (_cell(run, cell) for cell in summarise(counted))
    judgments = with_panel(store.judgments(run), len(run.manifest.judges))
    return (
        _verdict(run, judgment, verdict) for judgment in judgments for verdict in judgment.verdicts
    )


def _generations(store: Store, run: Run) -> Iterator[Generation]:
    """Give what was judged, or what a model under test has answered so far."""
    if run.manifest.kind != "generate":
        return store.generations(run)
    return (answer.generation() for answer in store.answers(run) if answer.outcome == "ok")


def generation_row(generation: Generation) -> Row:
    """Write a response in the format that `cvalues judge` reads."""
    written = generation.model_dump(exclude={"extra"})
    return {
        **generation.extra,
        **{key: value for key, value in written.items() if value is not None},
    }


def _verdict(run: Run, judgment: Judgment, verdict: Verdict) -> Row:
    """Write one verdict; tokens, cost and latency are those of the judgment it is part of."""
    return {
        "run": run.name,
        "id": judgment.id,
        "system": judgment.system,
        "sample": judgment.sample,
        "group": judgment.group,
        "judge": judgment.judge,
        "rubric": judgment.rubric,
        "rubric_hash": judgment.rubric_hash,
        "criterion": verdict.criterion,
        "repeat": judgment.repeat,
        "order": judgment.order,
        "score": verdict.score if verdict.kind == "scored" else None,
        "outcome": verdict.outcome,
        "rationale": verdict.rationale,
        "evidence": verdict.evidence,
        "flags": " ".join(judgment.flags),
        "provenance": judgment.provenance,
        "served_model": judgment.served_model,
        "prompt_tokens": judgment.usage.prompt_tokens,
        "completion_tokens": judgment.usage.completion_tokens,
        "cost_usd": judgment.cost_usd,
        "latency_ms": judgment.latency_ms,
        "lang": judgment.lang,
        "rung": judgment.rung,
        "attempts": judgment.attempts,
        "key": judgment.key,
    }


def _attempt(run: Run, attempt: Attempt) -> Row:
    usage = attempt.usage.model_dump()
    return {"run": run.name, **attempt.model_dump(exclude={"usage"}), **usage}


def _label(label: Label) -> Row:
    return {
        "id": label.id,
        "system": label.system,
        "rater": label.rater,
        "criterion": label.criterion,
        "score": label.score,
        "sample": label.sample,
        "group": label.group,
        "rationale": label.rationale,
        "rubric": label.rubric,
        "rubric_hash": label.rubric_hash,
        "kind": label.kind,
        "source": label.source,
    }


def _cell(run: Run, cell: Cell) -> Row:
    return {
        "run": run.name,
        "rubric": cell.rubric,
        "criterion": cell.criterion,
        "judge": cell.judge,
        "system": cell.system,
        "group": cell.group,
        "mean_judge_only": cell.mean,
        **cell.counts.model_dump(),
        "provenance": cell.provenance,
    }
