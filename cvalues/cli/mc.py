"""`cvalues mc`: the multi-choice comprehension check."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from judge.cli import options


def mc(
    items: Annotated[
        str,
        typer.Argument(
            help="A file of CValues records or of pairs of a better and a worse reply; or "
            "cvalues-mc, when it was fetched; or starter, the bundled set."
        ),
    ],
    responses: Annotated[
        Path | None, typer.Option(help="Recorded answers: the records with a response.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Model to ask, a litellm string.")] = None,
    out_json: Annotated[Path | None, typer.Option(help="Write the result here.")] = None,
    wording: Annotated[
        str, typer.Option(help="How items made of pairs ask: benchmark, or letter alone.")
    ] = "benchmark",
    items_out: Annotated[
        Path | None, typer.Option(help="Write the items here, to be answered elsewhere, and stop.")
    ] = None,
    extractor: Annotated[
        str | None, typer.Option(help="Model that reads the answers that rules could not read.")
    ] = None,
    review_out: Annotated[
        Path | None, typer.Option(help="XLSX for a person: answers that could not be read.")
    ] = None,
    review: Annotated[
        Path | None, typer.Option(help="The same sheet with the readings filled in.")
    ] = None,
    answers_out: Annotated[
        Path | None, typer.Option(help="Write each answer and its reading here, for cvalues dif.")
    ] = None,
    mix: Annotated[
        list[str] | None,
        typer.Option(
            help="Show acc too as if kinds of items had other shares, such as "
            "origin:chatgpt=0.5,person=0.5. Also difficulty_level:, domain_en:, pair_type:."
        ),
    ] = None,
    published: Annotated[
        bool, typer.Option("--published", help="Show the numbers that CValues published beside it.")
    ] = False,
    system: Annotated[
        str | None, typer.Option(help="Whose answers to take, or what to call the model asked.")
    ] = None,
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999)] = 0.95,
    encoding: options.Encoding = None,
    run: Annotated[str | None, typer.Option(help="Name of the run; the same name resumes.")] = None,
    store: options.StoreOption = None,
    base_url: options.BaseUrl = None,
    api_key_env: options.ApiKeyEnv = None,
    temperature: Annotated[float, typer.Option(min=0, max=2)] = 0.0,
    max_tokens: Annotated[int, typer.Option(min=16, help="Longest answer.")] = 1024,
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
    quiet: options.Quiet = False,
    json_: options.AsJson = False,
) -> None:
    """Check whether a model recognises the better of two replies.

    Reports acc and acc* as the benchmark defines them, by pair, difficulty and domain, beside two
    length rules. Exit code 5: some items have no answer.
    """
    from cvalues.cli import choice_view, choices
    from judge.cli import console
    from judge.exporters.atomic import require_places

    require_places(out_json, review_out, answers_out)
    loaded = choices.load(items, wording=wording, encoding=encoding)
    if items_out is not None:
        choices.write_items(items_out, loaded)
        return
    mixes = tuple(choice_view.read_mix(words, loaded) for words in mix or ())
    engine = choices.Engine(
        run=run or datetime.now(UTC).strftime("mc-%Y%m%d-%H%M%S"),
        address=console.store_address(store),
        base_url=base_url,
        api_key_env=api_key_env,
        temperature=temperature,
        max_tokens=max_tokens,
        seed=seed,
        concurrency=concurrency,
        max_attempts=max_attempts,
        timeout=timeout,
        max_calls=max_calls,
        budget_usd=budget_usd,
        price=price,
        rpm=rpm,
        tpm=tpm,
        transport=transport,
        quiet=quiet,
    )
    given = choices.answered(
        loaded,
        engine,
        name=items,
        responses=responses,
        model=model,
        system=system,
        encoding=encoding,
    )
    given = choices.reviewed(choices.extracted(given, engine, model=extractor), review)
    wanted = choice_view.Wanted(
        out_json=out_json,
        review_out=review_out,
        answers_out=answers_out,
        mixes=mixes,
        confidence=confidence,
        published=published,
        as_json=json_,
    )
    code = choice_view.show(given, wanted)
    raise SystemExit(code)
