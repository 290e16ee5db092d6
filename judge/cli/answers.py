"""What a run that generates came to, and its responses as a file."""

from collections import Counter
from pathlib import Path

from judge.cli import console
from judge.cli.session import Done
from judge.cli.stores import opened
from judge.exporters.files import write_rows
from judge.exporters.rows import rows


def show(done: Done, *, out: Path | None, address: str, as_json: bool) -> None:
    """Print how the answers ended, and write them where a file is wanted."""
    endings: Counter[str] = Counter()
    with opened(address) as store:
        for answer in store.answers(done.run):
            endings[answer.finish or answer.outcome] += 1
        if out is not None and not done.planned_only:
            count = write_rows(out, rows(store, done.run, "generations"), form="jsonl")
            console.note(f"{count} responses in {out}")
    if as_json:
        console.as_json(
            {
                "run": done.run.name,
                "counts": done.counts.model_dump(),
                "endings": dict(endings),
                "calls": done.calls,
                "cost_usd": done.usd or None,
                "interrupted": done.interrupted,
            }
        )
        return
    for ending, count in endings.most_common():
        console.say(f"{ending}: {count}")
    if not done.planned_only and (done.counts.error or done.unasked):
        console.note(f"resume with: {console.resume_command(done.run.name)}")
