"""`cvalues judge-check`: how far wrappings that change no content move a judge's verdict."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from judge.cli.options import ApiKeyEnv, AsJson, BaseUrl, Concurrency, Encoding, Seed

if TYPE_CHECKING:
    from judge.checking import Check


def judge_check(
    rubric: Annotated[str, typer.Option(help="Rubric id or YAML file.")],
    judge: Annotated[str, typer.Option(help="Judge model (a litellm string).")],
    base_url: BaseUrl = None,
    api_key_env: ApiKeyEnv = None,
    items: Annotated[
        Path | None, typer.Option(help="Responses (JSONL, CSV or XLSX); else 40 of our own.")
    ] = None,
    encoding: Encoding = None,
    max_flips: Annotated[
        float, typer.Option(min=0, max=1, help="Flip rate that still counts as steady.")
    ] = 0.1,
    temperature: Annotated[float, typer.Option(min=0, max=2)] = 0.0,
    max_tokens: Annotated[int, typer.Option(min=16, help="Longest reply of the judge.")] = 2048,
    seed: Seed = None,
    concurrency: Concurrency = 32,
    json_: AsJson = False,
) -> None:
    """Measure how far apologies, disclaimers, layout and the like move a judge.

    Each response is judged bare, once more bare, and in eight wrappings that leave its content
    alone; what flips is counted, with 95 % intervals. Exit code 0: every interval lies below
    --max-flips. 4: one lies above it. 5: neither; more responses would tell.
    """
    import asyncio

    from judge.canaries import canaries
    from judge.checking import check_judge, wrappers
    from judge.cli import console
    from judge.importers.responses import read_generations
    from judge.models.base import addressed
    from judge.records import Judge

    generations = (
        [canary.generation for canary in canaries()]
        if items is None
        else list(read_generations(items, encoding=encoding))
    )
    asked = addressed(
        Judge(
            model=judge,
            base_url=base_url,
            api_key_env=api_key_env,
            temperature=temperature,
            max_tokens=max_tokens,
            seed=seed,
        )
    )
    console.note(f"{len(generations)} responses, {len(generations) * (len(wrappers()) + 2)} calls")
    check = asyncio.run(
        check_judge(generations, rubric, asked, allowed=max_flips, concurrency=concurrency)
    )
    _show(check, as_json=json_)
    raise SystemExit(
        {"steady": console.DONE, "moved": console.UNTRUSTED, "undecided": console.INCOMPLETE}[
            check.verdict
        ]
    )


def _show(check: "Check", *, as_json: bool) -> None:
    from judge.cli import console

    if as_json:
        rows = [{**each.model_dump(), "rate": each.rate} for each in check.wrappings]
        console.as_json({**check.model_dump(), "wrappings": rows, "verdict": check.verdict})
        return
    console.table(
        [{**each.model_dump(), "rate": each.rate} for each in check.wrappings],
        {
            "wrapper": "wrapper",
            "pairs": "pairs",
            "missing": "missing",
            "flips": "flips",
            "raised": "raised",
            "rate": "rate",
            "low": "low",
            "high": "high",
            "verdict": "verdict",
        },
    )
    for outcome, count in sorted(check.reasons.items()):
        console.say(f"  {outcome}: {count}")
    stamp = "SIMULATED: " if check.simulated else ""
    console.say(
        f"{stamp}{check.judge} on {check.rubric}.{check.criterion}, {check.items} responses; "
        f"at most {check.allowed:.0%} may flip: {check.verdict}"
    )
