"""Run by the peers' interpreter: their intervals for the same draws, as JSON on standard output.

The interpreter needs numpy, scipy and judgy, truescore, ppi-python, evalstats, glide-py and
rubricon-eval; whatever of them is absent is left out. Run by ``benchmarks/coverage.py
--peers-python PATH``.
"""

import argparse
import contextlib
import importlib
import io
import json
import sys
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from simulation.draws import Case
from simulation.settings import settings
from simulation.tally import Cell, Limits, Method, run_cell


class RefusedError(Exception):
    """The peer gave no usable interval."""


def main() -> None:
    """Print rows as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, required=True)
    parser.add_argument("--sections", nargs="+", required=True)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    methods = {name: _quiet(method) for name, method in _present().items()}
    rows = []
    for section in arguments.sections:
        chosen = {name: m for name, m in methods.items() if section in _SECTIONS[name.split()[0]]}
        for setting, n, draw in settings(section):
            cell = Cell(section=section, setting=setting, n=n, draw=draw, methods=chosen)
            rows.extend(run_cell(cell, arguments.repeats, (Exception,)))
    print(json.dumps(rows))


def _present() -> dict[str, Method]:
    found: dict[str, Method] = {}
    for name, (module, make) in _PEERS.items():
        with contextlib.suppress(ImportError):
            found[f"{name} {version(name)}"] = make(importlib.import_module(module))
    return found


def _quiet(method: Method) -> Method:
    def silent(case: Case) -> Limits:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            low, high = method(case)
        if not (np.isfinite(low) and np.isfinite(high)):
            raise RefusedError
        return float(low), float(high)

    return silent


def _labels(case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Expert labels, verdicts on the same items, verdicts on the others."""
    used = ~np.isnan(case.human)
    return case.human[used], case.judge[used], case.judge[~used]


def _judgy(module) -> Method:
    def method(case: Case) -> Limits:
        human, judge, rest = _labels(case)
        if case.gold_human is not None:
            human, judge, rest = case.gold_human, case.gold_judge, case.judge
        np.random.seed(0)  # noqa: NPY002 - judgy draws from the global generator
        _, low, high = module.estimate_success_rate(human, judge, rest, bootstrap_iterations=1000)
        return low, high

    return method


def _truescore(module) -> Method:
    def method(case: Case) -> Limits:
        index = np.flatnonzero(~np.isnan(case.human))
        if case.judge_b is not None:
            gold_a, gold_b = case.human[index], case.human_b[index]
            both = module.ppi_compare(case.judge, case.judge_b, gold_a, gold_b, index)
            return both.low, both.high
        estimate = module.ppi_estimate(case.judge, case.human[index], index, clusters=case.clusters)
        return estimate.low, estimate.high

    return method


def _ppi_python(module) -> Method:
    def method(case: Case) -> Limits:
        low, high = module.ppi_mean_ci(*_labels(case), alpha=0.05)
        return np.ravel(low)[0], np.ravel(high)[0]

    return method


def _evalstats(module) -> Method:
    # What its compare() picks for passes and fails; its one-call function would bootstrap them.
    rate = importlib.import_module("evalstats.tests")._ppi_single_wilson  # noqa: SLF001 - no other name

    def method(case: Case) -> Limits:
        if np.isin(case.judge, (0.0, 1.0)).all():
            found = rate(case.judge, case.human, 0.05)
        else:
            found = module.judge_debias_mean_ci(case.judge, case.human, rng=0)
        return found.ci_low, found.ci_high

    return method


def _glide(module) -> Method:
    # Each kind of draw has an estimator of its own: PPI++, its form for clusters, and active
    # inference where the labels were drawn by verdict with known probabilities.
    def method(case: Case) -> Limits:
        if case.clusters is not None:
            found = module.ClusteredPPIMeanEstimator().estimate(
                case.human, case.judge, case.clusters
            )
        elif _drawn_by_verdict(case):
            found = module.ASIMeanEstimator().estimate(case.human, case.judge, _drawn_with(case))
        else:
            found = module.PPIMeanEstimator().estimate(case.human, case.judge)
        return found.confidence_interval.lower_bound, found.confidence_interval.upper_bound

    return method


def _drawn_by_verdict(case: Case) -> bool:
    values = np.unique(case.judge)
    return values.size <= 2 and float(np.ptp([_share(case, value) for value in values])) > 0.02


def _share(case: Case, value: float) -> float:
    return float((~np.isnan(case.human[case.judge == value])).mean())


def _drawn_with(case: Case) -> np.ndarray:
    """Probability with which each item was drawn, given its verdict."""
    return np.select(
        [case.judge == value for value in (0.0, 1.0)], [_share(case, value) for value in (0.0, 1.0)]
    )


def _rubricon(module) -> Method:
    # A bootstrap of kappa that only words its warnings takes most of its time.
    slow = module.cohen_kappa
    module.cohen_kappa = lambda human, judge, **more: slow(human, judge, **(more | {"n_boot": 20}))

    def method(case: Case) -> Limits:
        used = np.flatnonzero(~np.isnan(case.human))
        scores = dict(enumerate(case.judge.tolist()))
        labels = {index: float(case.human[index]) for index in used.tolist()}
        found = module.calibrate(judge_name="judge", judge_scores=scores, human_labels=labels)
        if found.corrected is None:
            raise RefusedError
        return found.corrected.ci_low, found.corrected.ci_high

    return method


_PEERS: dict[str, tuple[str, Callable[..., Method]]] = {
    "judgy": ("judgy", _judgy),
    "truescore": ("truescore", _truescore),
    "ppi-python": ("ppi_py", _ppi_python),
    "evalstats": ("evalstats", _evalstats),
    "glide-py": ("glide.estimators", _glide),
    "rubricon-eval": ("rubricon.calibration", _rubricon),
}
_SECTIONS = {
    "judgy": ("binary", "curated"),
    "truescore": ("binary", "by-verdict", "clustered", "ordinal", "paired"),
    "ppi-python": ("binary", "by-verdict", "clustered", "ordinal"),
    "evalstats": ("binary", "ordinal"),
    "glide-py": ("binary", "by-verdict", "clustered", "ordinal"),
    "rubricon-eval": ("binary", "by-verdict"),
}

if __name__ == "__main__":
    main()
