"""What a rubric means, as one short name: SHA-256 over its three views.

The digest changes with anything that a judge is told (instructions, criteria, anchors, examples,
principles, and the framing words of `rubrics/wording`), with the shape of the reply, and with what
turns a reply into a score (scales, weights, directions, thresholds, veto). It does not change with
what no judge sees and no score uses: the rubric's title, version, purpose, level and groups, and
every source with its reference and note. It does not depend on the layout of the file, on the
operating system or on the releases of Python and pydantic.
"""

import hashlib
import json
from functools import lru_cache

from rubrics.render import render, render_pairwise
from rubrics.response import pairwise_schema, reply_schema
from rubrics.rubric import Rubric


@lru_cache(maxsize=128)
def digest(rubric: Rubric) -> str:
    """Name the meaning of a rubric.

    Returns
    -------
    str
        64 hexadecimal digits. Equal for two rubrics exactly when they put the same texts to a
        judge, accept the same replies and score them alike.
    """
    groups = [None, *sorted(pack.group for pack in rubric.packs)]
    meaning = {
        "render": [[group, render(rubric, group=group)] for group in groups],
        "render_pairwise": [[group, render_pairwise(rubric, group=group)] for group in groups],
        "reply_schema": reply_schema(rubric),
        "pairwise_schema": pairwise_schema(rubric),
        "scoring": _scoring(rubric),
    }
    # Keys stay in order: the order of criteria is part of what the judge is asked.
    text = json.dumps(meaning, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _scoring(rubric: Rubric) -> dict[str, object]:
    criteria = [
        [c.id, c.scale.min, c.scale.max, c.scale.step, c.weight, c.direction, c.threshold]
        for c in rubric.criteria
    ]
    veto = None if rubric.veto is None else [rubric.veto.criterion, rubric.veto.level]
    return {"criteria": criteria, "veto": veto}
