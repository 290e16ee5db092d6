"""Read a page the way a browser does, as far as tests need it."""

from collections.abc import Sequence
from html.parser import HTMLParser

VOID = frozenset({"meta", "input", "br", "img", "link"})


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        """All text, one piece after the other."""
        return "".join(self.texts)

    @property
    def shapes(self) -> set[tuple[str, tuple[str, ...]]]:
        """Every element with the names of its attributes."""
        return {(tag, tuple(sorted(attributes))) for tag, attributes in self.elements}

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Give the attributes of every element of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]
