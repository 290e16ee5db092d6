"""`cvalues judge`: score a file of responses."""

import math
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NotRequired, TypedDict, Unpack, get_args

import typer

from judge.cli import console
from judge.cli.completion import complete_rubric, complete_run
from judge.cli.console import parts
from judge.cli.model_settings import ModelWords, model_words, refuse_unused, with_words
from judge.conversation import units
from judge.errors import ConfigError, NotTrusted
from judge.files.decoding import counted
from judge.files.read import table_sha256
from judge.grading.pointwise import Edition, edition_of
from judge.importers.responses import read_generations
from judge.manifest import OnRefusal, Source
from judge.models.limits import Api, Price, decision_price, with_api
from judge.records import Judge, ModelSettings
from judge.run.plan import RULES, JudgingPlan
from rubrics.library import load_editions
from rubrics.rubric import JudgedUnit, Rubric, language_tag, tag_advice

if TYPE_CHECKING:
    from judge.run.batch_parts import BatchSettings

# From the words of a command line to what `judge.run` works with.


class JudgeWords(TypedDict):
    """What all judges of a command line share."""

    base_url: str | None
    api_key_env: str | None
    temperature: float
    max_tokens: int
    seed: int | None
    threshold: float


def judges_of(
    models: str, api: Api, words: ModelWords, **shared: Unpack[JudgeWords]
) -> tuple[Judge, ...]:
    """Make the judges that a list of models names."""
    made = (with_words(Judge(model=model, **shared), words) for model in parts(models))
    return tuple(with_api(judge, api) for judge in made)


def rules_alone(rubrics: str) -> str:
    """Name what stands for the judge where all criteria of all rubrics are rules.

    Raises
    ------
    ConfigError
        If a rubric has criteria that a judge must be asked for.
    """
    for ref in parts(rubrics):
        asking = next((one for one in load_editions(ref).values() if one.asked), None)
        if asking is not None:
            raise ConfigError(
                f"--judge is missing: rubric {asking.id} asks a judge for "
                f"{asking.asked[0].id}; name a model, or use rubrics of rules alone."
            )
    return RULES


class PlanWords(TypedDict):
    """How a file is to be judged."""

    lang: str | None
    default_lang: str
    encoding: str | None
    repeats: int
    pairwise: bool
    unit: NotRequired[str | None]
    window: NotRequired[int | None]


def tag_given(word: str | None, option: str) -> str | None:
    """Read a language tag of the command line.

    Raises
    ------
    ConfigError
        If it is none.
    """
    tag = None if word is None else language_tag(word)
    if word is not None and tag is None:
        raise ConfigError(f"{option} {word!r} is no language tag; {tag_advice(word)}")
    return tag


def plan_of(
    path: Path, rubrics: str, judges: tuple[Judge, ...], **words: Unpack[PlanWords]
) -> JudgingPlan:
    """Say what is to be judged, after the whole file has been found readable."""
    forced = tag_given(words["lang"], "--lang")
    default = tag_given(words["default_lang"], "--default-lang")
    encoding = words["encoding"]
    rows = sum(1 for _ in read_generations(path, encoding=encoding))
    unit, default = words.get("unit"), default or "en"
    editions = tuple(edition(ref, forced, default=default, unit=unit) for ref in parts(rubrics))
    asked = [edition("en") for edition in editions]
    return JudgingPlan(
        source=Source(name=path.name, sha256=table_sha256(path), rows=rows),
        read=lambda: units(read_generations(path, encoding=encoding), asked),
        editions=editions,
        judges=judges,
        repeats=words["repeats"],
        language=default,
        pairwise=words["pairwise"],
        window=words.get("window"),
    )


def with_ladder(
    plan: JudgingPlan, *, neutral: bool, seconds: tuple[Judge, ...], passport: Path | None
) -> JudgingPlan:
    """Add what is tried when a judge declines.

    Raises
    ------
    ConfigError
        If it does not fit the plan.
    NotTrusted
        If the passport does not speak for the second judge under the plan's rubrics.
    """
    typed = any(judge.api == "decisions" for judge in plan.judges)
    if plan.pairwise and any(judge.api != "chat" for judge in plan.judges):
        raise ConfigError("--pairwise needs judges that write text; use --api chat.")
    if typed and neutral:
        raise ConfigError("--neutral-frame is for judges that write text; use --api chat.")
    if not neutral and not seconds:
        return plan
    if plan.pairwise:
        raise ConfigError("--neutral-frame and --second-judge do not go with --pairwise.")
    if len(seconds) > 1 or {judge.name for judge in seconds} & {j.name for j in plan.judges}:
        raise ConfigError("--second-judge names one judge that is not among those of --judge.")
    for second in seconds:
        if passport is None:
            raise ConfigError("--second-judge needs --second-passport: see cvalues calibrate.")
        _refuse_unless_calibrated(replace(plan, judges=(second,)), passport)
    return replace(plan, on_refusal=OnRefusal(neutral=neutral, second=next(iter(seconds), None)))


def _refuse_unless_calibrated(plan: JudgingPlan, passport: Path) -> None:
    from calibration.passport import load_passport
    from judge.calibrate.passport import distrust

    manifest = plan.manifest()
    reasons = distrust(
        load_passport(passport),
        manifest,
        criteria=[edition.criteria[0] for edition in manifest.rubrics],
        today=datetime.now(UTC).date(),
        # Its verdicts say themselves that they are simulated.
        allow_simulated=True,
    )
    if reasons:
        raise NotTrusted(f"--second-judge {plan.judges[0].name}: {reasons[0]}")


def edition(
    ref: str, forced: str | None, *, default: str = "en", unit: str | None = None
) -> Edition:
    """Choose a rubric's edition by an item's language, unless one is forced for all.

    Raises
    ------
    ConfigError
        If the unit is not known, or the rubric cannot be put to it.
    """
    chosen = edition_of(ref, forced=forced, default=default)
    if unit is None:
        return chosen
    known = unit.replace("-", "_")
    if known not in get_args(JudgedUnit):
        raise ConfigError(f"--unit {unit!r} is not known; use reply, each-reply or session.")
    # Refused before anything is read.
    _of_unit(chosen(None), known)
    return lambda tag: _of_unit(chosen(tag), known)


@lru_cache(maxsize=64)
def _of_unit(rubric: Rubric, unit: str) -> Rubric:
    """Give a rubric for another unit than it was written for, which makes it another rubric."""
    ruled = next((each.id for each in rubric.criteria if each.rule is not None), None)
    roles = next((each.id for each in rubric.criteria if each.roles is not None), None)
    if unit == "reply" and ruled is not None:
        raise ConfigError(f"--unit reply: {rubric.id} has the rule {ruled}, which reads a trace.")
    if unit != "session" and roles is not None:
        raise ConfigError(
            f"--unit {unit}: {roles} of {rubric.id} looks at turns of other roles, which only "
            "--unit session does."
        )
    return rubric.model_copy(update={"unit": unit})


def prices_of(
    words: str | None, models: tuple[ModelSettings, ...], *, budget_usd: float | None
) -> dict[str, Price]:
    """Read what a command line says of prices, the same for all its models.

    Where it says nothing and a budget has to be held, a server with an address of its own is
    taken to ask what the list has for its model's name.
    """
    if words:
        return {model.name: _price(words) for model in models}
    elsewhere = [model for model in models if model.base_url is not None]
    if budget_usd is None or not elsewhere:
        return {}
    from judge.models.litellm import list_price

    listed = {
        model.name: (
            decision_price(model.model)
            if isinstance(model, Judge) and model.api == "decisions"
            else list_price(model.model)
        )
        for model in elsewhere
    }
    prices = {name: price for name, price in listed.items() if price is not None}
    for name, price in prices.items():
        console.note(
            f"{name}: taken to cost its list price, {price.prompt * 1e6:g} and "
            f"{price.completion * 1e6:g} dollars a million tokens; --price says otherwise"
        )
    return prices


def batch_settings(
    *, batch: bool, no_wait: bool, poll: float, lines: int | None, cancel: bool
) -> "BatchSettings | None":
    """Read what a command line says of batches; None where it wants none."""
    if not (batch or cancel):
        return None
    from judge.run.batch_parts import BatchSettings

    return BatchSettings(poll=poll, wait=not no_wait, most_lines=lines, cancel=cancel)


def _price(words: str) -> Price:
    try:
        prompt, completion = (float(part) / 1e6 for part in words.split(","))
    except ValueError:
        prompt = completion = math.nan
    if not (0 <= prompt < math.inf and 0 <= completion < math.inf):
        raise ConfigError(f"--price {words!r} is not two prices; write 0.40,1.20.")
    return Price(prompt=prompt, completion=completion)


def _share(value: float, option: str) -> float:
    if not 0.0 < value < 1.0:
        raise ConfigError(f"{option} {value:g} is no fraction; use one between 0 and 1.")
    return value


def judge(
    context: typer.Context,
    responses: Annotated[
        Path,
        typer.Argument(
            help="JSONL, CSV, XLSX or Parquet (also a folder): id, prompt, response (or messages)."
        ),
    ],
    rubric: Annotated[
        str,
        typer.Option(
            help="Rubric ids or YAML files, separated by commas.", autocompletion=complete_rubric
        ),
    ],
    judge_: Annotated[
        str | None,
        typer.Option(
            "--judge",
            help="Judge models (litellm model names), separated by commas. "
            "Rubrics of rules alone need none.",
        ),
    ] = None,
    base_url: console.BaseUrls = None,
    api_key_env: console.ApiKeyEnv = None,
    extra_body: console.ExtraBody = None,
    omit: console.Omit = None,
    config: console.Config = None,
    api: Annotated[
        str,
        typer.Option(
            help="chat for text replies, logprobs for text with the log-probabilities of its "
            "scores, decisions for typed questions with probabilities; auto follows litellm's list."
        ),
    ] = "auto",
    threshold: Annotated[
        float,
        typer.Option(help="Probability from which a two-level criterion gets the higher level."),
    ] = 0.5,
    escalate: Annotated[
        str | None,
        typer.Option(help="Second judge of a cascade, asked when the first is uncertain."),
    ] = None,
    risk: Annotated[
        float | None,
        typer.Option(help="Maximum error rate of the cascade, such as 0.05."),
    ] = None,
    cuts: Annotated[
        Path | None,
        typer.Option(help="Validated thresholds from `cvalues triage --out`, for --escalate."),
    ] = None,
    escalate_base_url: Annotated[
        str | None, typer.Option(help="URL of the second judge, if different.")
    ] = None,
    escalate_api: Annotated[str, typer.Option(help="Like --api, for the second judge.")] = "auto",
    run: Annotated[
        str | None,
        typer.Option(
            help="Name of the run; an existing name resumes that run.", autocompletion=complete_run
        ),
    ] = None,
    store: console.StoreOption = None,
    lang: Annotated[
        str | None,
        typer.Option(
            help="Language of the rubric for all items: zh or en; default:"
            " the language of each item."
        ),
    ] = None,
    default_lang: Annotated[
        str, typer.Option(help="Language of the rubric for items whose language it lacks.")
    ] = "en",
    encoding: console.Encoding = None,
    repeats: Annotated[int, typer.Option(min=1, help="Repeats per item.")] = 1,
    pairwise: Annotated[
        bool, typer.Option("--pairwise", help="Compare the systems of the file in pairs.")
    ] = False,
    unit: Annotated[
        str | None,
        typer.Option(
            help="What is judged of rows with messages: reply (the last), each-reply or session; "
            "else as each rubric says."
        ),
    ] = None,
    window: Annotated[
        int | None,
        typer.Option(
            min=1_000, help="Characters of a window of a long conversation (60,000 by default)."
        ),
    ] = None,
    temperature: Annotated[float, typer.Option(min=0, max=2)] = 0.0,
    max_tokens: Annotated[
        int, typer.Option(min=16, help="Maximum tokens of a judge's reply.")
    ] = 2048,
    seed: console.Seed = None,
    concurrency: console.Concurrency = 32,
    max_attempts: console.MaxAttempts = 4,
    timeout: console.Timeout = 120.0,
    max_calls: console.MaxCalls = None,
    budget_usd: console.BudgetUsd = None,
    price: console.PriceOption = None,
    rpm: console.Rpm = None,
    tpm: console.Tpm = None,
    transport: console.TransportOption = "auto",
    max_unscored: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="Maximum share of unscored judgments; more gives exit code 5."
        ),
    ] = 0.1,
    on: console.On = None,
    workers: console.Workers = None,
    batch: console.Batch = False,
    no_wait: console.NoWait = False,
    poll: console.Poll = 60.0,
    batch_lines: console.BatchLines = None,
    batch_cancel: console.BatchCancel = False,
    batch_out: Annotated[
        Path | None,
        typer.Option(help="Write the questions as an OpenAI batch file without any call."),
    ] = None,
    no_cache: Annotated[
        bool,
        typer.Option("--no-cache", help="Ignore the cache (verdicts of other runs in the store)."),
    ] = False,
    canaries: Annotated[
        bool | None,
        typer.Option(
            help="Judge 40 known-answer checks beside the run; default: if they are under 2% of it."
        ),
    ] = None,
    neutral_frame: Annotated[
        bool,
        typer.Option("--neutral-frame", help="Retry refusals once with a neutral prompt."),
    ] = False,
    second_judge: Annotated[
        str | None,
        typer.Option(help="Judge for items that the first judge refuses; needs --second-passport."),
    ] = None,
    second_passport: Annotated[
        Path | None, typer.Option(help="Calibration passport of the second judge.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Dry run: print the plan and stop.")
    ] = False,
    quiet: console.Quiet = False,
    json_: console.AsJson = False,
) -> None:
    """Score free-form responses with a judge model.

    The same command resumes an interrupted run, if no setting has changed that affects scores. Exit
    code 5: not everything could be scored.
    """
    from judge.cli import console, run_session, run_summary
    from judge.cli.crew import crew_of
    from judge.cli.model_settings import CascadeWords, cascades_of
    from judge.cli.run_session import watched
    from judge.exporters.tables import requests, write_rows
    from judge.run.run import Settings

    asked = JudgeWords(
        base_url=base_url[0] if base_url else None,
        api_key_env=api_key_env,
        temperature=temperature,
        max_tokens=max_tokens,
        seed=seed,
        threshold=_share(threshold, "--threshold"),
    )
    kind: Api = console.one_of(api, get_args(Api), option="--api")
    said = model_words(context, extra_body, omit, config)
    named = filter(None, (judge_, second_judge, escalate))
    refuse_unused(said, [model for words in named for model in parts(words)])
    words = CascadeWords(
        escalate=escalate,
        risk=risk,
        cuts=cuts,
        base_url=escalate_base_url,
        api=escalate_api,
        models=said,
    )
    asked_of = judges_of(judge_ or rules_alone(rubric), kind, said, **asked)
    judges = cascades_of(asked_of, words)
    plan = plan_of(
        responses,
        rubric,
        judges,
        lang=lang,
        default_lang=default_lang,
        encoding=encoding,
        repeats=repeats,
        pairwise=pairwise,
        unit=unit,
        window=window,
    )
    seconds = judges_of(second_judge, "auto", said, **asked) if second_judge else ()
    plan = with_ladder(plan, neutral=neutral_frame, seconds=seconds, passport=second_passport)
    if batch_out is not None:
        count = write_rows(batch_out, requests(plan.tasks()), form="jsonl")
        console.note(f"{counted(count, 'request')} in {batch_out}")
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
        transport=console.transport_of(transport),
        prices=prices_of(price, plan.asked, budget_usd=budget_usd),
        addresses=tuple(base_url or ()),
    )
    batches = batch_settings(
        batch=batch, no_wait=no_wait, poll=poll, lines=batch_lines, cancel=batch_cancel
    )
    name = run or datetime.now(UTC).strftime("judge-%Y%m%d-%H%M%S")
    address = console.store_address(store)
    done = run_session.conduct(
        plan,
        settings,
        name=name,
        address=address,
        quiet=quiet,
        dry_run=dry_run,
        batch=batches,
        crew=crew_of(on, workers, store=address, run=name),
    )
    done = watched(done, plan, settings, wanted=canaries, address=address, quiet=quiet)
    run_summary.show(done, as_json=json_)
    raise SystemExit(run_summary.exit_code(done, max_unscored=max_unscored))
