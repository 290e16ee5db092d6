"""The judge passport: what was measured of a judge, for whom it holds, and until when.

A passport speaks of one judge with one rubric, prompt, settings and languages. Anything that
changes what the judge means has another fingerprint and needs another passport.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Literal, cast, get_type_hints

from pydantic import AfterValidator, TypeAdapter, ValidationError

from calibration.estimate import Estimate
from calibration.rare_events import Screened
from calibration.validation import FileRecord

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Design = Literal["random", "by-verdict", "neyman", "curated"]
Provenance = Literal["LIVE", "RECORDED", "SIMULATED"]
Word = Literal["yes", "no", "unknown"]

ADDED_LATER = {"added later": True}
"""Marks a member that files leave out where it is None, so that older files keep their digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeIdentity(FileRecord):
    """What makes the judge this judge.

    Attributes
    ----------
    name : str
        Model and version, for readers; only the hashes are compared.
    judge_hash, rubric_hash, prompt_hash, settings_hash : str
        As `fingerprint` gives them, or any other text that changes with the content.
    languages : tuple of str
        Languages of the labelled items, sorted.
    """

    name: str
    judge_hash: str
    rubric_hash: str
    prompt_hash: str
    settings_hash: str
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSource(FileRecord):
    """Where the expert labels came from.

    Attributes
    ----------
    source : str
        Who labelled, or the data set's name and version.
    count : int
        Labelled items.
    raters : int
        Experts.
    design : {'random', 'by-verdict', 'neyman', 'curated'}
        How the items were chosen.
    labelled_on : date
        Last day of labelling.
    rater_digests : tuple of str or None
        Of the experts' names (`rater_digest`), sorted: a passport may be published and their names
        not. None in earlier passports, which do not say who labelled.
    """

    source: str
    count: int
    raters: int
    design: Design
    labelled_on: date
    rater_digests: tuple[str, ...] | None = field(default=None, metadata=ADDED_LATER)

    def knows(self, rater: str) -> bool:
        """Tell whether an expert is one of those; also where the passport does not say who."""
        return self.rater_digests is None or rater_digest(rater) in self.rater_digests


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure(FileRecord):
    """A number of the passport with its interval.

    Attributes
    ----------
    value, low, high : float
    confidence : float
    n : int
        Items behind it.
    """

    value: float
    low: float
    high: float
    confidence: float
    n: int

    def __post_init__(self) -> None:
        """Refuse numbers that no estimate can have."""
        if not self.low <= self.value <= self.high:
            raise ValueError(
                f"an estimate of {self.value:g} cannot have the limits {self.low:g} and "
                f"{self.high:g}."
            )
        if not 0.5 <= self.confidence < 1.0:
            raise ValueError(f"a confidence of {self.confidence:g} is none; it is 0.5 to 1.")
        if self.n < 0:
            raise ValueError(f"an estimate cannot rest on {self.n} items.")

    def within(self, low: float, high: float) -> bool:
        """Tell whether the whole interval lies in a range."""
        return low <= self.low and self.high <= high

    @classmethod
    def of(cls, estimate: Estimate) -> "Measure":
        """Keep the numbers of an estimate."""
        return cls(
            value=estimate.value,
            low=estimate.low,
            high=estimate.high,
            confidence=estimate.confidence,
            n=estimate.n_labelled,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EventScreen(FileRecord):
    """How a judge screens for a class of events, by labels on what it reports and on the rest.

    Attributes
    ----------
    level : float
        This level, and what is worse, are events.
    worse : {'higher', 'lower'}
        Which end of the criterion's scale is bad.
    reported, others : Screened
        Items that the judge reports as events, and all others; see `recall_limit`.
    """

    level: float
    worse: Literal["higher", "lower"]
    reported: Screened
    others: Screened


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbabilityQuality(FileRecord):
    """Whether the probabilities behind a judge's verdicts can be believed.

    Attributes
    ----------
    rule : str
        How verdicts are made of probabilities, such as ``threshold 0.5``.
    error : Measure
        Expected calibration error.
    ranking : Measure
        Area under the ROC curve; 0.5 is chance.
    brier, sharpness : float
        Brier score, and the standard deviation of the probabilities.
    informative, beyond_verdict : bool
        Whether the labels show that probabilities rank passes above fails, at all and among items
        with the same verdict.
    """

    rule: str
    error: Measure
    ranking: Measure
    brier: float
    sharpness: float
    informative: bool
    beyond_verdict: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenChange(FileRecord):
    """How a rubric came to be that was found by a search and proven on sealed labels.

    Attributes
    ----------
    search : str
        Name of the search.
    partition : str
        Digest of the partition of the labelled prompts.
    candidates : int
        Candidates that the select part chose among.
    look, looks : int
        The opening of the proof part that it rests on, and how many were declared.
    reflection_model : str
        Model that wrote the text; empty where there was none.
    old_rubric : str
        Digest of the rubric before.
    """

    search: str
    partition: str
    candidates: int
    look: int
    looks: int
    reflection_model: str
    old_rubric: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UseBound(FileRecord):
    """Whether a judge is good for one use, and what that rests on.

    Attributes
    ----------
    good : {'yes', 'no', 'unknown'}
        Unknown where nothing was measured.
    bound : float | None
        Half-width of the corrected rate, largest difference of errors between systems, or lower
        limit of recall; a fraction.
    why : str
    """

    good: Word
    bound: float | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeUses(FileRecord):
    """The four uses of a judge.

    Attributes
    ----------
    rate : UseBound
        A rate that labels correct.
    ranking : UseBound
        Systems ranked by the judge's own scores.
    single_items : UseBound
        Verdicts on single items, of either class.
    veto : UseBound
        Verdicts that stop a release because the judge found what experts fail.
    """

    rate: UseBound
    ranking: UseBound
    single_items: UseBound
    veto: UseBound


@dataclass(frozen=True, slots=True, kw_only=True)
class PassportScope(FileRecord):
    """For what the passport speaks: what its labels were drawn from.

    Attributes
    ----------
    groups : tuple of str
        Those with labels, or too small for a random draw to meet; empty where there are none.
    languages : tuple of str
        Languages of the labelled items; empty where they are not known.
    served_models : tuple of str
        Names under which the provider answered; empty where it named none.
    """

    groups: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    served_models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PassportBasis(FileRecord):
    """Digests of what the passport rests on, so that it can be verified.

    Attributes
    ----------
    run : str
        Run, or file of scores.
    items, verdicts, labels : str
        ``sha256:`` digests of the texts that were judged, of the judge's verdicts and of the
        experts' labels.
    """

    run: str
    items: str
    verdicts: str
    labels: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PassportEntry(FileRecord):
    """What was measured for one criterion, over all items or in one group.

    Attributes
    ----------
    criterion : str
    group : str | None
        Scenario or domain; None for all items.
    n : int
        Items with a verdict and a label.
    beyond_chance : Measure | None
        Youden's J for two values, alpha for more; None where the labels cannot tell.
    agreement : mapping of str to Measure
        Coefficients by name.
    sensitivity, specificity : Measure | None
    flip_rate : Measure | None
        Share of verdicts that change when the same judge is asked again.
    events : tuple of EventScreen
        One for each level that a veto may name; empty for a group.
    probabilities : ProbabilityQuality | None
        None where the judge gave no probabilities, or too few labels.
    uses : JudgeUses | None
        None for a group, for means, and in earlier passports.
    """

    criterion: str
    group: str | None
    n: int
    beyond_chance: Measure | None
    agreement: Annotated[Mapping[str, Measure], AfterValidator(MappingProxyType)]
    sensitivity: Measure | None = None
    specificity: Measure | None = None
    flip_rate: Measure | None = None
    events: tuple[EventScreen, ...] = ()
    probabilities: ProbabilityQuality | None = field(default=None, metadata=ADDED_LATER)
    uses: JudgeUses | None = field(default=None, metadata=ADDED_LATER)

    def __post_init__(self) -> None:
        """Refuse shares that are none."""
        if self.beyond_chance is not None and not self.beyond_chance.within(-1.0, 1.0):
            raise ValueError(f"{self.criterion}: a lead over chance lies between -1 and 1.")
        for name in ("sensitivity", "specificity", "flip_rate"):
            share: Measure | None = getattr(self, name)
            if share is not None and not share.within(0.0, 1.0):
                raise ValueError(f"{self.criterion}: {name} lies between 0 and 1.")
        if self.n < 0:
            raise ValueError(f"{self.criterion}: {self.n} labels.")

    def screen(self, level: float, worse: str) -> EventScreen | None:
        """Find how the judge screens for a class of events."""
        return next((e for e in self.events if (e.level, e.worse) == (level, worse)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgePassport(FileRecord):
    """The passport.

    Attributes
    ----------
    identity : JudgeIdentity
    labels : LabelSource
    entries : tuple of PassportEntry
        One for each criterion and group.
    provenance : {'LIVE', 'RECORDED', 'SIMULATED'}
        Of the verdicts.
    issued, expires : date
        First and last day on which it holds.
    scope : PassportScope | None
        None for a passport that does not say for what it speaks.
    basis : PassportBasis | None
        None for a passport that does not say what it rests on.
    change : ProvenChange | None
        Where the rubric was found by a search.
    """

    identity: JudgeIdentity
    labels: LabelSource
    entries: tuple[PassportEntry, ...]
    provenance: Provenance
    issued: date
    expires: date
    scope: PassportScope | None = None
    basis: PassportBasis | None = None
    change: ProvenChange | None = field(default=None, metadata=ADDED_LATER)

    def __post_init__(self) -> None:
        """Refuse a passport that contradicts itself."""
        if self.expires < self.issued:
            raise ValueError(f"a passport cannot expire on {self.expires}, before {self.issued}.")
        if self.labels.count < 0 or self.labels.raters < 0:
            raise ValueError("counts of labels and raters cannot be negative.")
        names = [(entry.criterion, entry.group) for entry in self.entries]
        if len(set(names)) < len(names):
            raise ValueError("two entries speak of the same criterion and group.")
        for entry in self.entries:
            if entry.group is None and entry.n > self.labels.count:
                raise ValueError(
                    f"{entry.criterion} cannot rest on {entry.n} labels of {self.labels.count}."
                )

    def entry(self, criterion: str, group: str | None = None) -> PassportEntry | None:
        """Find what was measured for a criterion in a group, or over all items."""
        wanted = criterion, group
        return next((one for one in self.entries if (one.criterion, one.group) == wanted), None)

    @property
    def digest(self) -> str:
        """SHA-256 of all that the passport says: what a policy pins."""
        return fingerprint(_plain(self))


def fingerprint(content: object) -> str:
    """Hash any JSON content, so that equal content gives equal text whatever its key order.

    Raises
    ------
    ValueError
        If the content is no JSON, or holds NaN.

    Examples
    --------
    >>> fingerprint({"a": 1, "b": "好"}) == fingerprint({"b": "好", "a": 1})
    True
    """
    try:
        text = json.dumps(
            content, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        )
    except TypeError as error:
        raise ValueError(f"only JSON content has a fingerprint: {error}.") from error
    return "sha256:" + hashlib.sha256(text.encode("utf-8")).hexdigest()


def rater_digest(name: str) -> str:
    """Hash the name of an expert, so that a passport knows it without showing it.

    Who has a list of names can try them: it keeps names out of sight, not secret.
    """
    return fingerprint(["rater", name])


# The passport as a JSON file: written whole or not at all, read strictly or not at all.
#
# Every key must be known and present and every value of its type: a file that says more than
# this version understands is refused, for the key it cannot read could be the one that matters.

FORMAT = 2
WITHOUT_DIGEST = 1
"""The format of an earlier version, which is read and has no digest to be held against."""
MOST_BYTES = 10_000_000


class PassportError(ValueError):
    """A passport file cannot be used; ``str`` is one line: file: what; how to mend it."""


class PassportChangedError(PassportError):
    """A passport file was changed after it was issued, so nothing in it can be trusted."""


def save_passport(passport: JudgePassport, path: str | Path) -> None:
    """Write the passport so that a reader finds the old file or the new one, never a part.

    Raises
    ------
    OSError
        If the folder cannot be written to.
    """
    target = Path(path)
    said = cast("dict[str, object]", _plain(passport))
    content = {"format": FORMAT, "digest": passport.digest, **said}
    text = json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    try:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        error.filename = str(target)
        raise
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()


def load_passport(path: str | Path) -> JudgePassport:
    """Read a passport.

    Raises
    ------
    PassportError
        If the file is missing or too large, no JSON, of another format, changed after it was
        issued, or any key or value is not as it should be.
    """
    source = Path(path)
    try:
        return _passport(_parse(source))
    except _ChangedError as wrong:
        raise PassportChangedError(f"{source}: {wrong}; issue the passport anew.") from wrong
    except _FormatError as wrong:
        raise PassportError(f"{source}: {wrong}; issue the passport anew.") from wrong


class _FormatError(ValueError):
    """What is wrong, without the file's name."""


class _ChangedError(_FormatError):
    """The digest of the file is not that of what it says."""


def _parse(source: Path) -> object:
    try:
        if source.stat().st_size > MOST_BYTES:
            raise _FormatError(f"larger than {MOST_BYTES} bytes, so no passport")
        text = source.read_text(encoding="utf-8")
    except OSError as error:
        raise _FormatError(f"cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise _FormatError("not UTF-8") from error
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (json.JSONDecodeError, RecursionError) as error:
        raise _FormatError(f"not JSON ({error})") from error


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise _FormatError(f"key {repeated!r} stands twice")
    return dict(pairs)


def _no_constant(name: str) -> object:
    raise _FormatError(f"{name} is no number")


def _passport(raw: object) -> JudgePassport:
    if not isinstance(raw, dict) or "format" not in raw:
        raise _FormatError("no object with a key 'format'")
    content = dict(cast("dict[str, object]", raw))
    found = content.pop("format")
    if found not in {FORMAT, WITHOUT_DIGEST} or isinstance(found, bool):
        raise _FormatError(f"format {found!r}, where this version reads {FORMAT}")
    digest = content.pop("digest", None) if found == FORMAT else None
    try:
        passport = _READER.validate_json(json.dumps(content), strict=True)
    except ValidationError as error:
        raise _FormatError(_sentence(error.errors()[0])) from None
    if found == FORMAT and digest != passport.digest:
        raise _ChangedError("it was changed after it was issued: its digest does not fit")
    return passport


_READER = TypeAdapter(JudgePassport)

_NOT: Mapping[str, str] = MappingProxyType(
    {
        "string": "not text",
        "int": "not a whole number",
        "float": "not a finite number",
        "finite": "not a finite number",
        "bool": "not true or false",
        "date": "not a date like 2026-11-21",
    }
)
"""What a value is not, by the first word of the library's name for the error."""


def _sentence(error: "ErrorDetails") -> str:
    """Say in our words what the library found first."""
    names = ["[]" if isinstance(step, int) else f".{step}" for step in error["loc"]]
    where, context = f"passport{''.join(names)}", error.get("ctx", {})
    what, shown = error["type"], repr(error["input"])[:80]
    if what in {"unexpected_keyword_argument", "missing"}:
        has = "no" if what == "missing" else "an unknown"
        return f"passport{''.join(names[:-1])} has {has} key {error['loc'][-1]!r}"
    if what == "value_error":
        return str(context["error"]).rstrip(".")
    if what == "literal_error":
        allowed = str(context["expected"]).replace("'", "").replace(" or ", ", ")
        return f"{where} is {shown}, not one of {allowed}"
    kind = what.partition("_")[0]
    if kind in _NOT:
        return f"{where} is {shown}, {_NOT[kind]}"
    return f"{where} is no {'list' if kind == 'tuple' else 'object'}"


def _plain(value: object) -> object:
    """Turn records into what JSON holds."""
    if dataclasses.is_dataclass(value):
        hints = get_type_hints(type(value))
        members = {
            f.name: getattr(value, f.name)
            for f in dataclasses.fields(value)
            if not (f.metadata and getattr(value, f.name) is None)
        }
        # A whole number in the place of a fraction is written as it will be read.
        return {
            name: float(member) if hints[name] is float else _plain(member)
            for name, member in members.items()
        }
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in cast("Mapping[str, object]", value).items()}
    if isinstance(value, tuple):
        return [_plain(one) for one in cast("tuple[object, ...]", value)]
    return value.isoformat() if isinstance(value, date) else value
