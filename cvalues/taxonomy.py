"""What a response can be about: the benchmark's 8 domains and this project's 10 safety scenarios.

The keys and Chinese names of the responsibility domains are CValues' own, as published with its
responsibility prompts. The safety scenarios are not: CValues withheld its list of ten, and no
public source that we could read prints it. The list here is this project's own. Three of its
names appear in the figure that CValues published; the other seven follow published Chinese safety
taxonomies, named in each `source`. A score by these scenarios must not be presented as a score by
CValues' scenarios.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import Field

from judge.records import Language, Record
from judge.report.texts import Both

Level = Literal["safety", "responsibility"]
"""Level 1 asks for no harm; level 2 asks for positive, constructive guidance as well."""

_CVALUES = "CValues, released responsibility prompts (X-PLUG/CValues, Apache-2.0)"
_FIGURE = "Named in the figure that CValues published (X-PLUG/CValues)"
_SAFETY_PROMPTS = "Safety-Prompts (arXiv 2304.10436)"
_SAFETYBENCH = "SafetyBench (arXiv 2309.07045)"
_FLAMES = "Flames (arXiv 2311.06899)"
_JADE = "JADE (arXiv 2311.00286)"


@dataclass(frozen=True, slots=True)
class Group:
    """A safety scenario or a responsibility domain."""

    key: str
    """Stable name in files, such as ``barrier_free``."""
    name_zh: str
    name_en: str
    level: Level
    source: str
    """Where the name comes from."""


def _scenario(key: str, name_zh: str, name_en: str, *, source: str) -> Group:
    return Group(key, name_zh=name_zh, name_en=name_en, level="safety", source=source)


def _domain(key: str, name_zh: str, name_en: str) -> Group:
    return Group(key, name_zh=name_zh, name_en=name_en, level="responsibility", source=_CVALUES)


SCENARIOS: tuple[Group, ...] = (
    _scenario("dangerous_topics", "危险话题", "Dangerous topics", source=_FIGURE),
    _scenario("crimes", "违法犯罪", "Crimes", source=_FIGURE),
    _scenario("personal_privacy", "个人隐私", "Personal privacy", source=_FIGURE),
    _scenario(
        "insult",
        "侮辱谩骂",
        "Insult and abuse",
        source=f"{_SAFETY_PROMPTS}, 脏话侮辱; {_SAFETYBENCH}, OFF",
    ),
    _scenario(
        "bias_discrimination",
        "偏见歧视",
        "Bias and discrimination",
        source=f"{_SAFETY_PROMPTS}, 偏见歧视; {_SAFETYBENCH}, UB; {_FLAMES}, Fairness",
    ),
    _scenario(
        "physical_harm",
        "身体伤害",
        "Physical harm",
        source=f"{_SAFETY_PROMPTS}, 身体伤害; {_SAFETYBENCH}, PH",
    ),
    _scenario(
        "mental_health",
        "心理健康",
        "Mental health",
        source=f"{_SAFETY_PROMPTS}, 心理健康; {_SAFETYBENCH}, MH",
    ),
    _scenario(
        "property",
        "财产安全",
        "Property",
        source=f"{_SAFETY_PROMPTS}, 财产隐私; {_SAFETYBENCH}, PP",
    ),
    _scenario(
        "ethics_morality",
        "道德伦理",
        "Ethics and morality",
        source=f"{_SAFETY_PROMPTS}, 道德伦理; {_SAFETYBENCH}, EM; {_FLAMES}, Morality",
    ),
    _scenario(
        "rights_infringement", "侵犯权益", "Infringement of rights", source=f"{_JADE}, 侵犯权益"
    ),
)
"""The 10 safety scenarios of this project; not CValues' list, of which no copy was found."""

DOMAINS: tuple[Group, ...] = (
    _domain("environmental_science", "环境科学", "Environmental science"),
    _domain("psychology", "心理学", "Psychology"),
    _domain("barrier_free", "无障碍", "Barrier-free"),
    _domain("social_science", "社会学", "Social science"),
    _domain("data_science", "数据科学", "Data science"),
    _domain("law", "法理学", "Law"),
    _domain("intimate_relationship", "亲密关系", "Intimate relationship"),
    _domain("lesser_known_major", "冷门专业", "Lesser-known major"),
)
"""The 8 responsibility domains of CValues, keys and Chinese names as published."""

GROUPS: tuple[Group, ...] = SCENARIOS + DOMAINS


def group_names() -> dict[str, tuple[str, str]]:
    """Name all groups in Chinese and in English, by key, as pages call them."""
    return {group.key: (group.name_zh, group.name_en) for group in GROUPS}


"""All 18, scenarios first; the order in which tables list them by default."""


# The few numbers of CValues that could be found, each with its source and how sure it is.
#
# ``high`` was counted or read in the authors' own repository; ``medium`` stands on a third
# party that says it read the paper. What could not be found is not here: no other model's
# multi-choice scores, no score by safety scenario or responsibility domain, no agreement of
# annotators.


class PublishedNumber(Record):
    """One number that a new run can be held against."""

    key: str
    """``mc.`` multi-choice, ``align.`` the authors' alignment experiment."""
    system: str
    value: float = Field(ge=0, le=1)
    """A fraction."""
    n: int
    """Items that it is over."""
    confidence: Literal["high", "medium"]
    what: Mapping[Language, str]
    source: str
    grades: Mapping[str, int] | None = None
    """Counts of the experts' grades, where the number is a share of them."""


@cache
def published_numbers() -> tuple[PublishedNumber, ...]:
    """Give all of them."""
    listed = json.loads(files("cvalues").joinpath("published.json").read_text("utf-8"))
    return tuple(PublishedNumber.model_validate_json(json.dumps(entry)) for entry in listed)


def published_beside(kind: str) -> Both:
    """Write the numbers of a kind in a paragraph, each with how sure it is, then their sources.

    Parameters
    ----------
    kind : str
        Beginning of their keys: ``mc.`` or ``align.``.
    """
    numbers = [number for number in published_numbers() if number.key.startswith(kind)]
    return Both(zh=_paragraph(numbers, "zh"), en=_paragraph(numbers, "en"))


def _paragraph(numbers: Sequence[PublishedNumber], lang: Language) -> str:
    from cvalues.knowing_doing import published_words

    words = published_words(lang)
    listed = words["between"].join(
        words["number"].format(
            system=number.system,
            what=number.what[lang],
            value=number.value,
            n=number.n,
            sure=words[number.confidence],
        )
        for number in numbers
    )
    sources = "; ".join(dict.fromkeys(number.source for number in numbers))
    return words["all"].format(listed=listed, sources=sources)
