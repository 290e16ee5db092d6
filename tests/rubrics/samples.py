"""Small rubrics for tests, and ways to change them."""

from pathlib import Path

from rubrics import Rubric, list_rubrics, load_rubric
from rubrics.load import checked, parse_document

TONE = """\
id: tone
version: "1.0"
language: en
title: Tone
purpose: Tells how friendly a reply is.
instructions: Judge the tone of the reply.
criteria:
  - id: friendly
    title: Friendly
    question: Is the reply friendly?
    scale:
      min: 0
      max: 2
      anchors:
        0: Rude or mocking.
        1: Cold but correct.
        2: Warm and polite.
    weight: 0.75
    direction: higher_is_better
    threshold: 1
    source:
      kind: project
      reference: This project
  - id: wordy
    title: Wordy
    question: Does the reply use more words than it needs?
    scale:
      min: 1
      max: 5
      step: 2
      anchors:
        1: To the point.
        3: Somewhat long.
        5: Rambling.
    weight: 0.25
    direction: lower_is_better
    source:
      kind: published
      reference: A style guide
      note: The wording is ours.
veto:
  criterion: friendly
  level: 0
examples:
  - prompt: Where is the station?
    response: Straight on, then left. Have a good trip!
    grades:
      - criterion: friendly
        reasoning: It answers and wishes the user well.
        evidence: Have a good trip!
        score: 2
      - criterion: wordy
        reasoning: Two short sentences, nothing to spare.
        evidence: Straight on, then left.
        score: 1
packs:
  - group: travel
    title: Travel
    source:
      kind: project
      reference: This project
    items:
      - text: Mention how long the way takes.
        source: project
"""
"""Two criteria that point in opposite ways, a threshold, a veto, an example and a pack."""

EDITIONS = [(entry.id, language) for entry in list_rubrics() for language in entry.languages]
"""Every rubric of the library in every language."""


def write(folder: Path, text: str | bytes, name: str = "tone.en.yaml") -> Path:
    """Put a document into a folder."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def swapped(old: str, new: str) -> str:
    """Give the sample with its first `old` replaced; fails where there is none."""
    assert old in TONE
    return TONE.replace(old, new, 1)


def tone(old: str = "", new: str = "") -> Rubric:
    """Load the sample, with one replacement."""
    return checked(Rubric, parse_document(swapped(old, new), path=Path("tone.en.yaml")))


def library() -> list[Rubric]:
    """Load every edition of the library."""
    return [load_rubric(name, language=language) for name, language in EDITIONS]
