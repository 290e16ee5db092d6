"""`cvalues annotate`: open the experts' room of a run."""

from pathlib import Path
from typing import Annotated

import typer

from judge.cli.console import ApiKeyEnv, AsJson, BaseUrl, StoreOption


def annotate(
    run: Annotated[str, typer.Argument(help="A judged run to label, or a new name to collect.")],
    n: Annotated[
        int | None,
        typer.Option(
            "--n",
            min=1,
            help="Responses to draw, those to one prompt together, where the run has no draw yet; "
            "else its draws are opened, and cvalues sample --add adds to them.",
        ),
    ] = None,
    by: Annotated[str | None, typer.Option(help="Column whose values are strata.")] = None,
    design: Annotated[str, typer.Option(help="random, by-verdict or neyman.")] = "random",
    criterion: Annotated[
        str | None, typer.Option(help="Criteria to ask for, with commas; else all.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the draw and of every rater's order.")] = 0,
    raters: Annotated[str | None, typer.Option(help="Names, with commas.")] = None,
    reviewers: Annotated[str | None, typer.Option(help="Names, with commas.")] = None,
    coordinator: Annotated[
        str, typer.Option(help="Who sees progress and invites.")
    ] = "coordinator",
    lang: Annotated[str, typer.Option(help="Screens of new people: zh or en.")] = "zh",
    per_item: Annotated[int, typer.Option(min=1, help="Experts a task.")] = 2,
    third: Annotated[
        str, typer.Option(help="Who settles dissent: reviewer, anyone, nobody.")
    ] = "reviewer",
    screen: Annotated[str, typer.Option(help="rubric or best-of-three.")] = "rubric",
    model: Annotated[
        str | None, typer.Option(help="Model under test, to collect attacks and questions.")
    ] = None,
    base_url: BaseUrl = None,
    api_key_env: ApiKeyEnv = None,
    judge: Annotated[
        str | None, typer.Option(help="Judge whose opinion is shown after an attack.")
    ] = None,
    judge_base_url: Annotated[
        str | None, typer.Option(help="Its address; else that of the model under test.")
    ] = None,
    rubric: Annotated[str, typer.Option(help="What that judge judges by.")] = "safety",
    max_calls: Annotated[int | None, typer.Option(min=0, help="Stop before more calls.")] = None,
    host: Annotated[str, typer.Option(help="Name or address to serve at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any free one.")] = 0,
    tls_cert: Annotated[Path | None, typer.Option(help="PEM certificate.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM key.")] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Serve others without TLS; they can read along.")
    ] = False,
    store: StoreOption = None,
    json_: AsJson = False,
) -> None:
    """Let experts label a run, or collect attacks and questions, in their browsers.

    All draws of the run are open: those of cvalues sample, or else one that --n makes now.
    Prints a one-time link for each person. Ctrl-C closes the room; the same command opens it as it
    was left, with new links.
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
            max_calls=max_calls,
            address=rooms.address(host, port, tls=(tls_cert, tls_key), insecure=insecure),
        ),
        store=console.store_address(store),
        as_json=json_,
    )
