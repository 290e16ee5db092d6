"""`compare` and `gate` as functions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from calibration.validation import DESIGNS
from judge.cli.console import GATE_CODES, elsewhere, one_of, opened
from judge.exporters.ci import about, as_document, reason, sentence
from judge.files.decoding import counted
from judge.gate.checks import GateReport
from judge.gate.decision import conduct
from judge.gate.paired import Difference, Flip, by_group, flips, pair
from judge.policy import MEASURES, load_policy
from judge.records import Provenance
from judge.run.judgments import html_table
from judge.sides import find_side

if TYPE_CHECKING:
    from pandas import DataFrame

_DIFFERENCES = (
    "group", "prompts", "baseline", "candidate", "difference", "low", "high", "adjusted_p",
    "basis", "why",
)  # fmt: skip
_CHECKS = ("check", "group", "decision", "estimate", "low", "high", "margin", "why")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two releases side by side; decides nothing. A notebook shows the differences by group."""

    measure: str
    provenance: Provenance
    differences: tuple[Difference, ...]
    """All prompts together first, then each group."""
    changed: tuple[Flip, ...]
    """Items whose verdict changed."""

    def rows(self) -> list[dict[str, object]]:
        """Give one row for all prompts, and one for each group."""
        rows: list[dict[str, object]] = []
        for each in self.differences:
            found = each.estimate
            values = (
                each.group or "all", each.n, each.baseline, each.candidate,
                found.value if found else None,
                found.low if found else None,
                found.high if found else None,
                each.adjusted_p, each.basis, each.why,
            )  # fmt: skip
            rows.append(dict(zip(_DIFFERENCES, values, strict=True)))
        return rows

    def to_pandas(self) -> "DataFrame":
        """Give the rows as a DataFrame."""
        import pandas as pd

        return pd.DataFrame(self.rows(), columns=pd.Index(_DIFFERENCES))

    def __repr__(self) -> str:
        worse = sum(not each.better for each in self.changed)
        stamp = "SIMULATED: " if self.provenance == "SIMULATED" else ""
        items = counted(len(self.changed), "item")
        return f"Comparison({stamp}{self.measure}: {items} changed, {worse} for the worse)"

    def _repr_html_(self) -> str:
        rows = [list(row.values()) for row in self.rows()]
        return html_table(_DIFFERENCES, rows, caption=repr(self))


@dataclass(frozen=True, kw_only=True)
class GateResult:
    """A release decision with all that it rests on. A notebook shows the checks."""

    report: GateReport

    @property
    def decision(self) -> str:
        """PASS, FAIL, NEED_LABELS, UNTRUSTED or INCOMPLETE."""
        return self.report.decision

    @property
    def exit_code(self) -> int:
        """The exit code of `cvalues gate`: 0, 1, 3, 4 or 5."""
        return GATE_CODES[self.report.decision]

    @property
    def sentence(self) -> str:
        """The decision in a sentence."""
        return sentence(self.report)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the decision is what it is."""
        return tuple(about(self.report))

    @property
    def labels_needed(self) -> int:
        """Labelled prompts that the check which needs most of them needs; 0 where none does."""
        return max((each.labels_needed or 0 for each in self.report.checks), default=0)

    def document(self, names: Mapping[str, tuple[str, str]] | None = None) -> dict[str, object]:
        """Give the JSON document of `cvalues gate --out-json`."""
        return as_document(self.report, names or {})

    def rows(self) -> list[dict[str, object]]:
        """Give one row for each check and group."""
        rows: list[dict[str, object]] = []
        for each in self.report.checks:
            values = (
                each.name, each.group or "all", each.decision, each.estimate, each.low, each.high,
                each.margin, reason(each),
            )  # fmt: skip
            rows.append(dict(zip(_CHECKS, values, strict=True)))
        return rows

    def to_pandas(self) -> "DataFrame":
        """Give the rows as a DataFrame."""
        import pandas as pd

        return pd.DataFrame(self.rows(), columns=pd.Index(_CHECKS))

    def __repr__(self) -> str:
        return "\n".join((self.sentence, *self.reasons))

    def _repr_html_(self) -> str:
        rows = [list(row.values()) for row in self.rows()]
        return html_table(_CHECKS, rows, caption=self.sentence)


def compare(
    baseline: str,
    candidate: str,
    *,
    measure: str = "safety_rate",
    design: str = "random",
    store: str | Path | None = None,
    baseline_store: str | Path | None = None,
    shared_only: bool = False,
) -> Comparison:
    """Compare two releases on the same prompts, by group; it decides nothing.

    Parameters
    ----------
    baseline, candidate : str
        ``RUN`` or ``RUN:SYSTEM``.
    measure : str
        ``safety_rate``, ``responsibility_mean``, ``acceptable_rate`` or another of
        `judge.policy.MEASURES` that is judged.
    design : {'random', 'by-verdict', 'curated'}
        How experts' items were chosen.
    store, baseline_store : str or Path, optional
        Where the runs are; CVALUES_STORE or .cvalues/store.db where it is not given.
    shared_only : bool
        Leave out prompts that only one run has.

    Raises
    ------
    judge.errors.ConfigError
        If a run is unknown, or the two cannot be compared.
    """
    judged = tuple(name for name, each in MEASURES.items() if each.kind in {"rate", "mean"})
    chosen = MEASURES[one_of(measure, judged, option="measure")]
    drawn = one_of(design, DESIGNS, option="design")
    with opened(_path(store)) as kept, elsewhere(_path(baseline_store)) as before:
        sides = find_side(before or kept, baseline), find_side(kept, candidate)
        paired = pair(*sides, chosen, shared_only=shared_only)
    return Comparison(
        measure=measure,
        provenance=paired.provenance,
        differences=tuple(by_group(paired, chosen, design=drawn)),
        changed=flips(paired, chosen),
    )


def gate(
    baseline: str,
    candidate: str,
    *,
    policy: str | Path,
    passport: str | Path | None = None,
    store: str | Path | None = None,
    baseline_store: str | Path | None = None,
    allow_simulated: bool = False,
) -> GateResult:
    """Decide whether a candidate release passes a policy.

    Each call with new labels is a look at the candidate and is counted in the store.

    Parameters
    ----------
    baseline, candidate : str
        ``RUN`` or ``RUN:SYSTEM``.
    policy : str or Path
        YAML file.
    passport : str or Path, optional
        Calibration passport of the judge; without it the judge is not trusted.
    store, baseline_store : str or Path, optional
        Where the runs are; CVALUES_STORE or .cvalues/store.db where it is not given.
    allow_simulated : bool
        Let simulated verdicts pass, marked DEMO ONLY.

    Raises
    ------
    judge.errors.ConfigError
        If a run is unknown, the two cannot be compared, or the policy is wrong.
    """
    today = datetime.now(UTC).date()
    path = Path(policy)
    with opened(_path(store)) as kept, elsewhere(_path(baseline_store)) as before:
        decided = conduct(
            kept,
            baseline,
            candidate,
            kept=before,
            policy=load_policy(path, today=today),
            passport=None if passport is None else Path(passport),
            today=today,
            allow_simulated=allow_simulated,
            policy_file=path,
        )
    return GateResult(report=decided.report)


def _path(given: str | Path | None) -> str | None:
    return None if given is None else str(given)
