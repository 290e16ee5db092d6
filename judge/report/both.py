"""One text in both languages."""

from judge.records import Language, Record


class Both(Record):
    """A text of our own in Chinese and English, each written natively."""

    zh: str
    en: str

    def of(self, lang: Language) -> str:
        """Return the text in one language."""
        return self.zh if lang == "zh" else self.en
