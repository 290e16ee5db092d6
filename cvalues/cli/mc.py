"""`cvalues mc`: the multi-choice comprehension check."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, get_args

import typer

from cvalues.datasets.fetch import source_file
from cvalues.datasets.starter import choice_pairs
from cvalues.multiple_choice.answers_file import (
    answer_rows,
    read_answers,
    read_review,
    require_review,
    write_review,
)
from cvalues.multiple_choice.asking import WORDING_OF, Ask, choice_plan, heard, provenance_of
from cvalues.multiple_choice.evaluate import ChoiceAnswer, evaluate_choices, settled
from cvalues.multiple_choice.extractor import extraction_plan, readings_of
from cvalues.multiple_choice.items import ChoiceItem, Wording, build_items, read_items, reworded
from cvalues.multiple_choice.metrics import (
    Axis,
    ChoiceReport,
    Share,
    mix_sweep,
    reweighted_accuracy,
)
from cvalues.taxonomy import published_numbers
from judge.cli import console, run_session
from judge.cli.completion import complete_run
from judge.cli.console import opened
from judge.cli.judge import prices_of
from judge.cli.model_settings import ModelWords, model_words, with_words
from judge.errors import ConfigError
from judge.exporters.tables import write_rows
from judge.files.atomic import write_whole
from judge.files.decoding import counted
from judge.records import Answer, Candidate, Provenance
from judge.run.plan import GeneratingPlan
from judge.run.run import Settings

# What `cvalues mc` does, step by step: items, answers, a person's readings, the result.

STARTER: Final = "starter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Answers to all items, and where they come from."""

    answers: tuple[ChoiceAnswer, ...]
    provenance: Provenance
    system: str | None = None
    run: str | None = None
    resume: str | None = None
    """The command that goes on, where calls failed or were not made."""
    interrupted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """How models are asked: what a command line says of it, the same for all of its models."""

    run: str
    address: str
    """Of the store."""
    base_url: str | None
    api_key_env: str | None
    temperature: float
    max_tokens: int
    seed: int | None
    concurrency: int
    max_attempts: int
    timeout: float
    max_calls: int | None
    budget_usd: float | None
    price: str | None
    rpm: float | None
    tpm: float | None
    transport: str
    quiet: bool
    ask: Ask
    words: ModelWords
    """What the command line and its file say of models beside that."""

    def candidate(self, model: str) -> Candidate:
        """Name a model with its address and settings."""
        return with_words(
            Candidate(
                model=model,
                base_url=self.base_url,
                api_key_env=self.api_key_env,
                temperature=self.temperature,
                max_tokens=self.max_tokens,
                seed=self.seed,
            ),
            self.words,
        )

    def conduct(self, plan: GeneratingPlan, *, run: str) -> run_session.Done:
        """Carry a plan out, or go on with it."""
        settings = Settings(
            concurrency=self.concurrency,
            max_attempts=self.max_attempts,
            deadline=self.timeout,
            max_calls=self.max_calls,
            budget_usd=self.budget_usd,
            requests_per_minute=self.rpm,
            tokens_per_minute=self.tpm,
            transport=console.transport_of(self.transport),
            prices=prices_of(self.price, plan.asked, budget_usd=self.budget_usd),
        )
        return run_session.conduct(plan, settings, name=run, address=self.address, quiet=self.quiet)


def load(name: str, *, wording: str, encoding: str | None) -> tuple[ChoiceItem, ...]:
    """Read items from a file, a fetched data set, or the starter set."""
    style = console.one_of(wording, get_args(Wording), option="--wording")
    if name == STARTER and not Path(name).exists():
        return build_items((pair.reply_pair() for pair in choice_pairs()), wording=style)
    return read_items(source_file(name), encoding=encoding, wording=style)


def write_items(path: Path, items: Sequence[ChoiceItem]) -> None:
    """Write items as records that any tool can answer by adding a response."""
    lines = [json.dumps(item.record(), ensure_ascii=False) + "\n" for item in items]
    write_whole(path, "".join(lines))
    console.note(
        f"{counted(len(items), 'item')} in {path}; add a response to each and give it to "
        "--responses"
    )


def answered(
    items: Sequence[ChoiceItem],
    engine: Engine,
    *,
    name: str,
    responses: Path | None,
    model: str | None,
    system: str | None,
    encoding: str | None,
) -> Answered:
    """Take recorded answers, or ask a model."""
    if responses is not None and model is None:
        answers = read_answers(responses, items, system=system, encoding=encoding)
        return Answered(answers=answers, provenance="RECORDED", system=system)
    if model is not None and responses is None:
        return _asked(items, engine, model=model, name=Path(name).name, system=system or model)
    raise ConfigError(
        "give --responses FILE with recorded answers, or --model MODEL to ask, and not both."
    )


def _asked(
    items: Sequence[ChoiceItem], engine: Engine, *, model: str, name: str, system: str
) -> Answered:
    plan = choice_plan(items, engine.candidate(model), name=name, system=system, ask=engine.ask)
    done = engine.conduct(plan, run=engine.run)
    with opened(engine.address) as store:
        answers = tuple(store.answers(done.run))
    unfinished = done.counts.error > 0 or done.unasked > 0
    _say_unweighed(answers, engine)
    return Answered(
        answers=heard(items, answers),
        provenance=provenance_of(answers),
        system=system,
        run=done.run.name,
        resume=console.resume_command(done.run.name) if unfinished else None,
        interrupted=done.interrupted,
    )


def _say_unweighed(answers: Sequence[Answer], engine: Engine) -> None:
    """Say how many answers a server gave without the probabilities that were asked for."""
    came = [answer for answer in answers if answer.outcome == "ok"]
    bare = sum(not answer.probabilities for answer in came)
    if engine.ask == "logprob" and bare:
        console.note(
            f"{bare} of {counted(len(came), 'answer')} came without log-probabilities of A and B; "
            "their text is read instead"
        )


def extracted(given: Answered, engine: Engine, *, model: str | None) -> Answered:
    """Have a model read what the parser left, where one is named."""
    if model is None:
        return given
    plan = extraction_plan(given.answers, engine.candidate(model), name=engine.run)
    if plan.source.rows == 0:
        return given
    done = engine.conduct(plan, run=_reading_run(engine, plan))
    with opened(engine.address) as store:
        replies = tuple(store.answers(done.run))
    answers = settled(given.answers, readings_of(replies), reader="model")
    interrupted = given.interrupted or done.interrupted
    # What a simulated model read is no finding, whoever wrote the answers.
    simulated = provenance_of(replies) == "SIMULATED"
    provenance = "SIMULATED" if simulated else given.provenance
    return replace(given, answers=answers, interrupted=interrupted, provenance=provenance)


def _reading_run(engine: Engine, plan: GeneratingPlan) -> str:
    """Name the run that reads: another one where other answers were left than the last time."""
    from judge.manifest import difference

    wanted, number = plan.manifest(), 1
    with opened(engine.address) as store:
        while True:
            name = f"{engine.run}-read" + (f"-{number}" if number > 1 else "")
            found = store.find_run(name)
            if found is None or not difference(found.manifest, wanted):
                return name
            number += 1


def reviewed(given: Answered, sheet: Path | None) -> Answered:
    """Put a person's readings in the place of the parser's."""
    if sheet is None:
        return given
    return replace(given, answers=settled(given.answers, read_review(sheet, given.answers)))


# How `cvalues mc` shows what it found: on a terminal, as JSON, as tables for people and tools.

CAVEAT: Final = (
    "A choice shows what a model recognises, not what it writes; the released labels have been "
    "public since 2023."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Shares that kinds of items could have."""

    words: str
    """As they were given, such as ``origin:chatgpt=0.5,person=0.5``."""
    axis: Axis
    shares: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a command line wants to see, and where."""

    out_json: Path | None
    review_out: Path | None
    answers_out: Path | None
    mixes: tuple["Mix", ...]
    confidence: float
    published: bool
    as_json: bool


def read_mix(words: str, items: Sequence[ChoiceItem]) -> Mix:
    """Read a mix that a command line wishes for.

    Raises
    ------
    ConfigError
        If it cannot be read, its shares do not sum to 1, or no item is of a kind that it names.
    """
    name, _, listed = words.partition(":")
    axis = console.one_of(name, get_args(Axis), option="--mix")
    parts = [part.rpartition("=") for part in listed.split(",")]
    try:
        shares = {kind.strip(): float(share) for kind, _, share in parts}
    except ValueError:
        raise ConfigError(f"--mix {words!r}: write {axis}:KIND=SHARE,KIND=SHARE.") from None
    kinds = sorted({str(kind) for item in items if (kind := getattr(item.pair, axis))})
    unknown = [kind for kind in shares if kind not in kinds]
    if unknown:
        there = f"is one of {', '.join(kinds)}" if kinds else "is not said"
        raise ConfigError(f"--mix: no item's {axis} is {unknown[0]!r}; here it {there}.")
    if min(shares.values()) < 0.0 or abs(sum(shares.values()) - 1.0) > 1e-9:
        raise ConfigError(f"--mix {words!r}: make the shares sum to 1, none below 0.")
    return Mix(words=words, axis=axis, shares=shares)


def show(given: Answered, wanted: Wanted) -> int:
    """Count, write what is wanted, print, and choose the exit code."""
    report = evaluate_choices(given.answers, confidence=wanted.confidence)
    read = [answer.read() for answer in given.answers]
    mixed = {
        mix.words: reweighted_accuracy(read, mix.axis, mix.shares, confidence=wanted.confidence)
        for mix in wanted.mixes
    }
    document = _document(given, report, mixed, wanted)
    if wanted.out_json is not None:
        text = json.dumps(document, ensure_ascii=False, indent=2)
        write_whole(wanted.out_json, text + "\n")
    if wanted.review_out is not None:
        count = write_review(wanted.review_out, given.answers)
        again = f"--review {wanted.review_out}"
        console.note(
            f"{counted(count, 'answer')} to read in {wanted.review_out}; give it back with {again}"
        )
    if wanted.answers_out is not None:
        rows = answer_rows(given.answers, system=given.system, provenance=given.provenance)
        count = write_rows(wanted.answers_out, rows, form="jsonl")
        console.note(f"{counted(count, 'answer')} in {wanted.answers_out}")
    if wanted.as_json:
        console.as_json(document)
    else:
        _print(given, report, mixed)
        if wanted.published:
            _print_published()
    if given.resume:
        console.note(f"resume with: {given.resume}")
    if given.interrupted:
        return console.INTERRUPTED
    return console.INCOMPLETE if report.unanswered else console.DONE


def _document(
    given: Answered, report: ChoiceReport, mixed: Mapping[str, Share], wanted: Wanted
) -> dict[str, object]:
    readers = Counter(answer.reader for answer in given.answers)
    published = [number.model_dump(mode="json") for number in published_numbers()]
    return {
        **report.as_dict(),
        "mix": {axis: _sweep(given, report, axis) for axis in _SWEPT},
        "mixed": {words: _bounded(share) for words, share in mixed.items()},
        "system": given.system,
        "run": given.run,
        "provenance": given.provenance,
        "settled_by_model": readers["model"],
        "settled_by_hand": readers["person"],
        **({"published": published} if wanted.published else {}),
    }


_SWEPT: Final[tuple[Axis, ...]] = ("difficulty_level", "origin", "pair_type")
"""What a set could have had more or less of."""


def _sweep(given: Answered, report: ChoiceReport, axis: Axis) -> dict[str, list[dict[str, float]]]:
    read = [answer.read() for answer in given.answers]
    swept = mix_sweep(read, axis, confidence=report.confidence)
    return {
        name: [{"share": share, **_bounded(acc)} for share, acc in found]
        for name, found in swept.items()
    }


def _bounded(acc: Share) -> dict[str, float]:
    return {"acc": acc.value, "low": acc.low, "high": acc.high}


def _print(given: Answered, report: ChoiceReport, mixed: Mapping[str, Share]) -> None:
    if given.provenance == "SIMULATED":
        console.say("SIMULATED: answers of a simulated model; no finding about any model.")
    rows = [_row("all", report)]
    for groups in report.by.values():
        rows += [_row(name, group) for name, group in groups.items()]
    console.table(rows, _HEADINGS)
    console.say(
        "in %; both: right in both orders; place: the same place in both orders; short, long: "
        "what taking the shorter or longer reply would score"
    )
    counts = report.counts
    console.say(
        f"{report.n} answered: {counts.correct} correct; {counts.reply_1} took 回复1, "
        f"{counts.reply_2} 回复2, {counts.other} neither, {counts.refuse} refused, "
        f"{counts.need_check} need a person; {report.unanswered} unanswered"
    )
    _print_unread(report)
    for words, share in mixed.items():
        console.say(f"with {words}: acc {_percent(share)} ({_interval(share)})")
    _print_spread(given, report)
    console.say(CAVEAT)


def _print_unread(report: ChoiceReport) -> None:
    """Say what acc may become: an answer that nobody has read is no wrong answer."""
    unread, correct = report.counts.need_check, report.counts.correct
    if unread:
        console.say(
            f"counted as wrong: {counted(unread, 'answer')} that nobody has read; acc lies between "
            f"{_hundredths(correct / report.n)} and {_hundredths((correct + unread) / report.n)}; "
            "--extractor MODEL has a model read them, --review-out FILE a person"
        )


def _print_spread(given: Answered, report: ChoiceReport) -> None:
    """Say how far acc would go if the set were of one kind alone."""
    for axis in _SWEPT:
        alone = [found[-1]["acc"] for found in _sweep(given, report, axis).values()]
        if alone:
            console.say(
                f"acc depends on the mix of {axis}: {_hundredths(min(alone))} to "
                f"{_hundredths(max(alone))}, were all items of one kind"
            )


def _print_published() -> None:
    rows = [
        {
            "what": number.what["en"],
            "system": number.system,
            "value": _hundredths(number.value),
            "n": number.n,
            "confidence": number.confidence,
        }
        for number in published_numbers()
    ]
    console.say()
    columns = ("what", "system", "value", "n", "confidence")
    console.table(rows, {name: name for name in columns})
    for source in dict.fromkeys(number.source for number in published_numbers()):
        console.say(f"source: {source}")


_HEADINGS: Final[Mapping[str, str]] = {
    "group": "group",
    "n": "n",
    "acc": "acc",
    "interval": "interval",
    "acc_star": "acc*",
    "both": "both",
    "bound": "place",
    "shorter": "short",
    "longer": "long",
}


def _row(name: str, report: ChoiceReport) -> dict[str, object]:
    return {
        "group": name,
        "n": report.n,
        "acc": _percent(report.acc),
        "interval": _interval(report.acc),
        "acc_star": _percent(report.acc_star),
        "both": _percent(report.shares["both_correct"]),
        "bound": _percent(report.shares["position_bound"]),
        "shorter": _hundredths(report.shorter),
        "longer": _hundredths(report.longer),
    }


def _percent(share: Share | None) -> str | None:
    return _hundredths(None if share is None else share.value)


def _hundredths(fraction: float | None) -> str | None:
    return None if fraction is None else f"{100 * fraction:.1f}"


def _interval(share: Share | None) -> str | None:
    return None if share is None else f"{100 * share.low:.1f}-{100 * share.high:.1f}"


def mc(
    context: typer.Context,
    items: Annotated[
        str,
        typer.Argument(
            help="CValues records, or pairs of a better and a worse reply; or cvalues-mc once "
            "fetched; or starter, the bundled set."
        ),
    ],
    responses: Annotated[
        Path | None, typer.Option(help="Recorded answers: the records with a field response.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Model to ask (litellm model name).")] = None,
    out_json: Annotated[Path | None, typer.Option(help="Write the result as JSON.")] = None,
    wording: Annotated[
        str, typer.Option(help="Question form for items made of pairs: benchmark, or letter.")
    ] = "benchmark",
    ask: Annotated[
        str,
        typer.Option(
            help="How the model is asked: text as items are worded; letter for A or B; json for "
            "an object; logprob for the likelier letter, by the server's log-probabilities."
        ),
    ] = "text",
    items_out: Annotated[
        Path | None,
        typer.Option(help="Write the items to a file, to be answered elsewhere, and stop."),
    ] = None,
    extractor: Annotated[
        str | None, typer.Option(help="Model that reads answers which the rules cannot parse.")
    ] = None,
    review_out: Annotated[
        Path | None, typer.Option(help="XLSX with unparsed answers, for a person to read.")
    ] = None,
    review: Annotated[
        Path | None, typer.Option(help="The sheet of --review-out, filled in.")
    ] = None,
    answers_out: Annotated[
        Path | None,
        typer.Option(help="Write each answer with its parsed choice, as input of cvalues dif."),
    ] = None,
    mix: Annotated[
        list[str] | None,
        typer.Option(
            help="Reweight acc to other shares of item types, such as "
            "origin:chatgpt=0.5,person=0.5. Also difficulty_level:, domain_en:, "
            "pair_type:."
        ),
    ] = None,
    published: Annotated[
        bool, typer.Option("--published", help="Show the published CValues numbers too.")
    ] = False,
    system: Annotated[
        str | None,
        typer.Option(help="System whose answers are used, or the name of the model asked."),
    ] = None,
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999)] = 0.95,
    encoding: console.Encoding = None,
    run: Annotated[
        str | None,
        typer.Option(
            help="Name of the run; an existing name resumes that run.", autocompletion=complete_run
        ),
    ] = None,
    store: console.StoreOption = None,
    base_url: console.BaseUrl = None,
    api_key_env: console.ApiKeyEnv = None,
    extra_body: console.ExtraBody = None,
    omit: console.Omit = None,
    config: console.Config = None,
    temperature: Annotated[float, typer.Option(min=0, max=2)] = 0.0,
    max_tokens: Annotated[int, typer.Option(min=16, help="Maximum tokens of a response.")] = 1024,
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
    quiet: console.Quiet = False,
    json_: console.AsJson = False,
) -> None:
    """Check whether a model recognises the better of two replies (multiple choice).

    Reports acc and acc* as the benchmark defines them, by pair, difficulty and domain, with two
    length baselines. Exit code 5: some items have no answer.
    """
    from judge.cli import console
    from judge.files.atomic import require_places

    require_places(out_json, review_out, answers_out)
    require_review(review)
    way: Ask = console.one_of(ask, get_args(Ask), option="--ask")
    loaded = load(items, wording=wording, encoding=encoding)
    if way in WORDING_OF:
        loaded = reworded(loaded, WORDING_OF[way])
    if items_out is not None:
        write_items(items_out, loaded)
        return
    mixes = tuple(read_mix(words, loaded) for words in mix or ())
    engine = Engine(
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
        ask=way,
        words=model_words(context, extra_body, omit, config),
    )
    given = answered(
        loaded,
        engine,
        name=items,
        responses=responses,
        model=model,
        system=system,
        encoding=encoding,
    )
    given = reviewed(extracted(given, engine, model=extractor), review)
    wanted = Wanted(
        out_json=out_json,
        review_out=review_out,
        answers_out=answers_out,
        mixes=mixes,
        confidence=confidence,
        published=published,
        as_json=json_,
    )
    code = show(given, wanted)
    raise SystemExit(code)
