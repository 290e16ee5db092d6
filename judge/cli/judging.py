"""`cvalues judge`: score a file of responses."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, get_args

import typer

from judge.cli import options


def judge(
    responses: Annotated[Path, typer.Argument(help="JSONL, CSV or XLSX: id, prompt, response.")],
    rubric: Annotated[str, typer.Option(help="Rubric ids or YAML files, separated by commas.")],
    judge_: Annotated[
        str, typer.Option("--judge", help="Judge models (litellm strings), separated by commas.")
    ],
    base_url: options.BaseUrl = None,
    api_key_env: options.ApiKeyEnv = None,
    run: Annotated[str | None, typer.Option(help="Name of the run; the same name resumes.")] = None,
    store: options.StoreOption = None,
    lang: Annotated[
        str | None, typer.Option(help="Judge all items in zh or en; else as each item says.")
    ] = None,
    encoding: options.Encoding = None,
    repeats: Annotated[int, typer.Option(min=1, help="How often each question is put.")] = 1,
    pairwise: Annotated[
        bool, typer.Option("--pairwise", help="Compare the systems of the file two by two.")
    ] = False,
    temperature: Annotated[float, typer.Option(min=0, max=2)] = 0.0,
    max_tokens: Annotated[int, typer.Option(min=16, help="Longest reply of the judge.")] = 2048,
    seed: options.Seed = None,
    concurrency: options.Concurrency = 32,
    max_attempts: options.MaxAttempts = 4,
    timeout: options.Timeout = 120.0,
    max_calls: options.MaxCalls = None,
    budget_usd: options.BudgetUsd = None,
    price: options.PriceOption = None,
    rpm: options.Rpm = None,
    tpm: options.Tpm = None,
    transport: options.TransportOption = "auto",
    max_unscored: Annotated[
        float, typer.Option(min=0, max=1, help="Share of unscored judgments that ends in exit 5.")
    ] = 0.1,
    batch_out: Annotated[
        Path | None,
        typer.Option(help="Write the questions as an OpenAI batch file and ask nothing."),
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Ask again what other runs of the store were told.")
    ] = False,
    canaries: Annotated[
        bool | None,
        typer.Option(
            help="Judge 40 texts with known verdicts beside the run; "
            "by default where they are under 2 % of it."
        ),
    ] = None,
    neutral_frame: Annotated[
        bool,
        typer.Option("--neutral-frame", help="Put what the judge declines once more, neutrally."),
    ] = False,
    second_judge: Annotated[
        str | None, typer.Option(help="Asked what the judge declines; needs --second-passport.")
    ] = None,
    second_passport: Annotated[
        Path | None, typer.Option(help="Shows that the second judge is calibrated.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.")] = False,
    quiet: options.Quiet = False,
    json_: options.AsJson = False,
) -> None:
    """Score free-form responses with a judge model.

    The run resumes where it stopped when it is called again with the same name and nothing that
    matters has changed. Exit code 5: not everything could be scored.
    """
    from judge.cli import console, ending, session
    from judge.cli.planning import JudgeWords, judges_of, plan_of, prices_of, with_ladder
    from judge.cli.watching import watched
    from judge.exporters.files import write_rows
    from judge.exporters.tools import requests
    from judge.run import Settings, Transport

    asked = JudgeWords(
        base_url=base_url,
        api_key_env=api_key_env,
        temperature=temperature,
        max_tokens=max_tokens,
        seed=seed,
    )
    judges = judges_of(judge_, **asked)
    plan = plan_of(
        responses, rubric, judges, lang=lang, encoding=encoding, repeats=repeats, pairwise=pairwise
    )
    seconds = judges_of(second_judge, **asked) if second_judge else ()
    plan = with_ladder(plan, neutral=neutral_frame, seconds=seconds, passport=second_passport)
    if batch_out is not None:
        count = write_rows(batch_out, requests(plan.tasks()), form="jsonl")
        console.note(f"{count} requests in {batch_out}")
        return
    settings = Settings(
        concurrency=concurrency,
        max_attempts=max_attempts,
        deadline=timeout,
        max_calls=max_calls,
        budget_usd=budget_usd,
        requests_per_minute=rpm,
        tokens_per_minute=tpm,
        recall=not no_cache,
        transport=console.one_of(transport, get_args(Transport), option="--transport"),
        prices=prices_of(price, plan.asked, budget_usd=budget_usd),
    )
    name = run or datetime.now(UTC).strftime("judge-%Y%m%d-%H%M%S")
    address = console.store_address(store)
    done = session.conduct(plan, settings, name=name, address=address, quiet=quiet, dry_run=dry_run)
    done = watched(done, plan, settings, wanted=canaries, address=address, quiet=quiet)
    ending.show(done, as_json=json_)
    raise SystemExit(ending.exit_code(done, max_unscored=max_unscored))
