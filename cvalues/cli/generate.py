"""`cvalues generate`: ask the model under test."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from judge.cli import console
from judge.cli.completion import complete_run

if TYPE_CHECKING:
    from judge.records import Item


def generate(
    context: typer.Context,
    prompts: Annotated[
        str,
        typer.Argument(
            help="JSONL, CSV or XLSX with a column prompt; or a fetched data set "
            "(cvalues-prompts, 100poisonmpts); or starter, the bundled set."
        ),
    ],
    model: Annotated[str, typer.Option(help="Model under test (litellm model name).")],
    mapping: Annotated[
        Path | None,
        typer.Option(
            help="Mapping of your column and group names: JSON with columns, groups and lang, "
            "or a table with name and group."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the responses here, as input of cvalues judge.")
    ] = None,
    run: Annotated[
        str | None,
        typer.Option(
            help="Name of the run; an existing name resumes that run.", autocompletion=complete_run
        ),
    ] = None,
    base_url: console.BaseUrls = None,
    api_key_env: console.ApiKeyEnv = None,
    extra_body: console.ExtraBody = None,
    omit: console.Omit = None,
    config: console.Config = None,
    store: console.StoreOption = None,
    system: Annotated[
        str | None, typer.Option(help="Name of the model in tables; default: the model name.")
    ] = None,
    system_prompt: Annotated[
        Path | None, typer.Option(help="Text file with the system prompt.")
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="Responses per prompt.")] = 1,
    temperature: Annotated[float, typer.Option(min=0, max=2)] = 0.7,
    max_tokens: Annotated[int, typer.Option(min=16, help="Maximum tokens of a response.")] = 2048,
    seed: console.Seed = None,
    encoding: console.Encoding = None,
    concurrency: console.Concurrency = 32,
    max_attempts: console.MaxAttempts = 4,
    timeout: console.Timeout = 120.0,
    max_calls: console.MaxCalls = None,
    budget_usd: console.BudgetUsd = None,
    price: console.PriceOption = None,
    rpm: console.Rpm = None,
    tpm: console.Tpm = None,
    transport: console.TransportOption = "auto",
    on: console.On = None,
    workers: console.Workers = None,
    batch: console.Batch = False,
    no_wait: console.NoWait = False,
    poll: console.Poll = 60.0,
    batch_lines: console.BatchLines = None,
    batch_cancel: console.BatchCancel = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Dry run: print the plan and stop.")
    ] = False,
    quiet: console.Quiet = False,
    json_: console.AsJson = False,
) -> None:
    """Generate responses of a model under test.

    Refusals, filtered and truncated responses are results. Runs resume as in `cvalues judge`.
    """
    from judge.cli import console, run_session, run_summary
    from judge.cli.crew import crew_of
    from judge.cli.judge import batch_settings, prices_of
    from judge.cli.model_settings import model_words, refuse_unused, with_words
    from judge.files.atomic import require_places
    from judge.manifest import Source
    from judge.records import Candidate, digest
    from judge.run.plan import GeneratingPlan
    from judge.run.run import Settings

    said = model_words(context, extra_body, omit, config)
    refuse_unused(said, [model])
    candidate = with_words(
        Candidate(
            model=model,
            base_url=base_url[0] if base_url else None,
            api_key_env=api_key_env,
            temperature=temperature,
            max_tokens=max_tokens,
            seed=seed,
        ),
        said,
    )
    require_places(out)
    items = _items(prompts, mapping=mapping, encoding=encoding)
    plan = GeneratingPlan(
        source=Source(
            name=Path(prompts).name,
            sha256=digest([item.model_dump(mode="json") for item in items]),
            rows=len(items),
        ),
        read=lambda: iter(items),
        candidate=candidate,
        system=system or model,
        system_prompt=_told(system_prompt) if system_prompt else None,
        samples=samples,
    )
    settings = Settings(
        concurrency=concurrency,
        max_attempts=max_attempts,
        deadline=timeout,
        max_calls=max_calls,
        budget_usd=budget_usd,
        requests_per_minute=rpm,
        tokens_per_minute=tpm,
        transport=console.transport_of(transport),
        prices=prices_of(price, (candidate,), budget_usd=budget_usd),
        addresses=tuple(base_url or ()),
    )
    run = run or datetime.now(UTC).strftime("generate-%Y%m%d-%H%M%S")
    address = console.store_address(store)
    done = run_session.conduct(
        plan,
        settings,
        name=run,
        address=address,
        quiet=quiet,
        dry_run=dry_run,
        batch=batch_settings(
            batch=batch, no_wait=no_wait, poll=poll, lines=batch_lines, cancel=batch_cancel
        ),
        crew=crew_of(on, workers, store=address, run=run),
    )
    run_summary.show_answers(done, out=out, address=console.store_address(store), as_json=json_)
    raise SystemExit(run_summary.exit_code(done, max_unscored=1.0))


def _items(name: str, *, mapping: Path | None, encoding: str | None) -> "tuple[Item, ...]":
    """Read prompts from a file, a fetched data set, or the starter set."""
    from cvalues.datasets.fetch import source_file
    from cvalues.datasets.prompts import read_mapping, read_prompts
    from cvalues.datasets.starter import prompt_items

    if name == "starter" and not Path(name).exists():
        return prompt_items()
    known = read_mapping(mapping) if mapping else None
    return read_prompts(source_file(name), mapping=known, encoding=encoding)


def _told(path: Path) -> str:
    from judge.errors import ConfigError

    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}; check the path.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8; save it as UTF-8.") from error
