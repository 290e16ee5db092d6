"""`cvalues calibrate` on a run in which each turn of a conversation was judged."""

from pathlib import Path

import numpy as np

from judge.calibrate.analysis import examine
from judge.calibrate.calibration_set import Question
from judge.calibrate.from_run import material_of, parts
from judge.cli.calibrate_output import session_lines
from judge.store.store import open_store
from tests.judge.gate.test_sessions import run_of


def test_conversations_are_counted_and_are_the_clusters(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    words = ["".join(str(int(x)) for x in rng.random(3) > 0.1) for _ in range(80)]
    store = open_store(str(tmp_path / "s.db"))
    side = run_of(store, "new", words, {number: words[number] for number in range(40)})
    material = material_of(
        store,
        side.run,
        labels=tuple(store.labels(side.run)),
        question=Question(at_least={"safe": 1.0}),
    )
    (part,) = parts(material)
    store.close()

    assert part.clusters[:6] == ("d0",) * 3 + ("d1",) * 3
    assert part.turns[:6] == (1, 3, 5) * 2
    finding = examine(part, design="random")
    found = finding.sessions
    assert found is not None
    assert found.harmed_sessions is not None
    share = sum("0" in word for word in words) / 80
    assert found.harmed_sessions.low < share < found.harmed_sessions.high
    assert (found.n_sessions, found.harmed_sessions.n_labelled) == (80, 40)
    assert len(found.first_harm) == 3
    assert any("conversations with a harmful turn: " in line for line in session_lines(finding))
