"""`cvalues annotate`: open the experts' room of a run."""

from pathlib import Path
from typing import Annotated

import typer

from judge.cli.completion import complete_rubric, complete_run
from judge.cli.console import ApiKeyEnv, AsJson, BaseUrl, StoreOption


def annotate(
    run: Annotated[
        str,
        typer.Argument(
            help="A judged run to label, or a new name for collection.", autocompletion=complete_run
        ),
    ],
    n: Annotated[
        int | None,
        typer.Option(
            "--n",
            min=1,
            help="Number of responses to sample if the run has no sample yet; later use "
            "cvalues sample --add.",
        ),
    ] = None,
    by: Annotated[str | None, typer.Option(help="Column that defines the strata.")] = None,
    design: Annotated[
        str, typer.Option(help="Sampling design: random, by-verdict or neyman.")
    ] = "random",
    criterion: Annotated[
        str | None, typer.Option(help="Criteria to label, separated by commas; default: all.")
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Random seed of the sample and of each rater's order.")
    ] = 0,
    raters: Annotated[str | None, typer.Option(help="Names, separated by commas.")] = None,
    reviewers: Annotated[str | None, typer.Option(help="Names, separated by commas.")] = None,
    coordinator: Annotated[
        str, typer.Option(help="Name of the coordinator, who sees the progress and invites people.")
    ] = "coordinator",
    lang: Annotated[
        str, typer.Option(help="Language of the screens of new people: zh or en.")
    ] = "zh",
    per_item: Annotated[int, typer.Option(min=1, help="Experts per task.")] = 2,
    third: Annotated[
        str, typer.Option(help="Who adjudicates disagreements: reviewer, anyone, nobody.")
    ] = "reviewer",
    screen: Annotated[str, typer.Option(help="Screen: rubric or best-of-three.")] = "rubric",
    model: Annotated[
        str | None, typer.Option(help="Model under test, for collecting attacks and questions.")
    ] = None,
    base_url: BaseUrl = None,
    api_key_env: ApiKeyEnv = None,
    judge: Annotated[
        str | None, typer.Option(help="Judge whose verdict is shown after an attack.")
    ] = None,
    judge_base_url: Annotated[
        str | None, typer.Option(help="URL of that judge; default: that of the model under test.")
    ] = None,
    collected: Annotated[
        str | None,
        typer.Option(
            help="Label the attack conversations that were collected in this run; they become "
            "the run that is named first.",
            autocompletion=complete_run,
        ),
    ] = None,
    rubric: Annotated[
        str | None,
        typer.Option(
            help="Rubric of that judge (safety), or of collected conversations "
            "(conversation-safety).",
            autocompletion=complete_rubric,
        ),
    ] = None,
    max_calls: Annotated[int | None, typer.Option(min=0, help="Maximum number of calls.")] = None,
    host: Annotated[str, typer.Option(help="Host name or address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes any free port.")] = 0,
    tls_cert: Annotated[Path | None, typer.Option(help="TLS certificate (PEM).")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="TLS private key (PEM).")] = None,
    insecure: Annotated[
        bool,
        typer.Option(
            "--insecure",
            help="Serve other machines without TLS; traffic can be read on the network.",
        ),
    ] = False,
    store: StoreOption = None,
    json_: AsJson = False,
) -> None:
    """Open a room where experts label a run, or collect attacks and questions, in a browser.

    All samples of the run are open: those of cvalues sample, or else the one that --n makes.
    Prints a one-time link for each person. Ctrl-C closes the room; the same command opens it again
    with all data and new links.
    """
    from judge.cli import console

    try:
        from cvalues.cli import rooms
    except ModuleNotFoundError as missing:
        console.fail(f"{missing.name} is not installed; pip install 'cvalues[annotate]'.")
    from judge.cli.console import parts

    rooms.serve(
        rooms.Wanted(
            run=run,
            wish=rooms.wish(n, by=by, design=design, criterion=criterion, seed=seed),
            study=rooms.study(screen=screen, per_item=per_item, third=third, seed=seed),
            people={
                "coordinator": (coordinator,),
                "rater": parts(raters) if raters else (),
                "reviewer": parts(reviewers) if reviewers else (),
            },
            lang="en" if lang == "en" else console.one_of(lang, ("zh",), option="--lang"),
            models=rooms.models(
                model,
                base_url=base_url,
                api_key_env=api_key_env,
                judge=judge,
                judge_base_url=judge_base_url,
            ),
            rubric=rubric,
            collected=collected,
            criteria=parts(criterion) if criterion else (),
            max_calls=max_calls,
            address=rooms.address(host, port, tls=(tls_cert, tls_key), insecure=insecure),
        ),
        store=console.store_address(store),
        as_json=json_,
    )
