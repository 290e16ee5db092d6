"""Predictions of OpenCompass: ``predictions/<model>/<data set>.json`` of a run's folder.

Each is an object from a number to ``origin_prompt``, ``prediction`` and, where there is one,
``gold``: the fields that its inferencers save,
https://github.com/open-compass/opencompass/tree/main/opencompass/openicl/icl_inferencer.
"""

from collections.abc import Iterator
from pathlib import Path

from judge.files.read import Node, read_document
from judge.importers.base import Collected, Imported, question
from judge.records import Generation


def read_opencompass(path: str | Path, *, system: str | None = None) -> Imported:
    """Read predictions as generations, several to one prompt as samples; there are no scores.

    Parameters
    ----------
    path : str or Path
        One file of predictions.
    system : str, optional
        Name of the model under test; otherwise the file's folder, which OpenCompass names so.

    Raises
    ------
    TableError
        If the file is no such file, or holds likelihoods or several turns.
    """
    source = Path(path)
    found = Collected()
    for number, entry in read_document(source).fields().items():
        gold = entry.get("gold")
        for sample, prediction in enumerate(_predictions(entry)):
            generation = Generation(
                id=f"{source.stem}/{number}",
                prompt=question(entry.at("origin_prompt")),
                response=prediction,
                system=system or source.absolute().parent.name,
                sample=sample,
                group=source.stem,
                reference=gold.value if gold is not None and isinstance(gold.value, str) else None,
            )
            found.keep(entry, generation)
    return found.all()


def _predictions(entry: Node) -> Iterator[str]:
    """Give one text, or each of several that were drawn for the same prompt."""
    node, asked = entry.at("prediction"), entry.at("origin_prompt").value
    several = isinstance(node.value, list)
    rounds = entry.at("origin_prompt").items() if isinstance(asked, list) else iter(())
    turns = several and any(isinstance(each.value, list) for each in rounds)
    for each in node.items() if several else (node,):
        if turns or not isinstance(each.value, str):
            raise each.error(
                "is no single text", "import a data set whose predictions are generated in one turn"
            )
        yield each.value
