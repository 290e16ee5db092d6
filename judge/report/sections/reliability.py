"""The calibration curve of a judge that answers with probabilities."""

from collections.abc import Iterator
from functools import partial
from typing import cast

from judge.calibrate.calibration_set import Ends
from judge.calibrate.probabilities import ProbabilityFinding
from judge.calibrate.result import Finding
from judge.report import formatting
from judge.report.charts.scatter import ScatterPicture, ScatterPoint, scatter_chart
from judge.report.formatting import Picture, Table, picture, scale, worth
from judge.report.model import Calibration, Report
from judge.report.sections.calibration_details import with_system
from judge.report.texts import Both, same, say, say_all


def reliability_pictures(report: Report, calibration: Calibration) -> Iterator[Picture]:
    """Draw a curve for each judge that answered with probabilities."""
    for place, finding in enumerate(calibration.results.overall):
        if finding.probabilities is not None:
            yield _reliability_picture(report, finding, ident=f"reliability{place}")


def _reliability_picture(report: Report, finding: Finding, *, ident: str) -> Picture:
    """Draw what experts passed against what the judge's probability said."""
    found = cast("ProbabilityFinding", finding.probabilities)
    total = sum(point.n_labelled for point in found.curve)
    method = say("validity.reliability_method", n=formatting.counted(total))
    return picture(
        ident,
        partial(scatter_chart, picture=_reliability_plane(found)),
        title=_reliability_title(report, finding, found),
        meta=worth(report, method, corrected=None),
        desc=say("validity.reliability_alt"),
        table=_reliability_table(found),
    )


def _reliability_title(report: Report, finding: Finding, found: ProbabilityFinding) -> Both:
    criterion = with_system(report, finding)
    if not found.informative:
        return say("validity.reliability_nothing", criterion=criterion)
    words = "reliability_error" if found.beyond_verdict else "reliability_verdict_only"
    return say(
        f"validity.{words}",
        criterion=criterion,
        error=formatting.percent(max(found.error.value, 0.0)),
        low=formatting.percent(found.error.low),
        high=formatting.percent(found.error.high),
    )


def _labelled(found: ProbabilityFinding) -> Iterator[tuple[float, float, Ends, int]]:
    """Give the bins that hold labels: predicted, observed, band, number of labels."""
    for one in found.curve:
        if one.observed is not None:
            yield one.predicted, one.observed, one.band, one.n_labelled


def _reliability_plane(found: ProbabilityFinding) -> ScatterPicture:
    """Place the bins, their bands as upright lines, and the line of a judge that is right."""
    points = [ScatterPoint(x=end, y=end, n=0, tie="right") for end in (0.0, 1.0)]
    for place, (predicted, observed, band, n) in enumerate(_labelled(found)):
        points += [
            ScatterPoint(x=predicted, y=end, n=0, tie=f"band {place}")
            for end in (band.low, band.high)
        ]
        points.append(ScatterPoint(x=predicted, y=observed, n=n))
    return ScatterPicture(
        points=points,
        x_ends=(0.0, 1.0),
        y_ends=(0.0, 1.0),
        x_ticks=scale("share", (0.0, 1.0)),
        y_ticks=scale("share", (0.0, 1.0)),
        x_unit=say("validity.predicted"),
        y_unit=say("validity.observed"),
        smallest=12.0,
    )


def _reliability_table(found: ProbabilityFinding) -> Table:
    return Table(
        head=say_all("validity", "predicted", "observed", "band", "items"),
        rows=[
            (
                formatting.percent(predicted),
                formatting.percent(observed),
                same(
                    f"[{formatting.bare('share', band.low)}, {formatting.bare('share', band.high)}]"
                ),
                formatting.count(n),
            )
            for predicted, observed, band, n in _labelled(found)
        ],
        numbers=range(4),
    )
