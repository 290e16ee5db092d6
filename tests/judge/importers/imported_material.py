"""Write hand-made files of other tools, and look at what importing them gives."""

import json
from pathlib import Path

from judge.importers.base import Imported


def written(path: Path, content: object) -> Path:
    """Write a JSON document, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


def scores_of(imported: Imported) -> dict[str, float | None]:
    """The scores of a single generation, by criterion."""
    return {score.criterion: score.score for score in imported.scores}
