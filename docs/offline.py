"""Refuse built pages that fetch anything from the network.

    python docs/offline.py docs/_build/html

Links for people to follow are fine; scripts, styles, fonts and pictures come with the pages.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

# Attributes of what a browser fetches without being asked.
FETCHED = {
    "audio": ("src",),
    "embed": ("src",),
    "iframe": ("src",),
    "image": ("href", "xlink:href"),
    "img": ("src", "srcset"),
    "input": ("src",),
    "link": ("href",),
    "object": ("data",),
    "script": ("src",),
    "source": ("src", "srcset"),
    "track": ("src",),
    "use": ("href", "xlink:href"),
    "video": ("src", "poster"),
}
# Links of a head that only tell something.
TOLD = {"author", "canonical", "help", "license", "next", "prev", "search"}

IN_STYLES = re.compile(r"""(?:url\(|@import)\s*["']?\s*((?:https?:)?//[^"')\s;]+)""", re.IGNORECASE)


def is_remote(address: str) -> bool:
    return bool(re.match(r"\s*(https?:)?//", address, re.IGNORECASE))


class _Page(HTMLParser):
    """Collects the remote addresses that a page fetches."""

    def __init__(self) -> None:
        super().__init__()
        self.remote: list[str] = []
        self._in_style = False

    def handle_starttag(self, tag, attrs):
        found = {name: value or "" for name, value in attrs}
        self._in_style = tag == "style"
        self.remote += IN_STYLES.findall(found.get("style", ""))
        if tag == "link" and set(found.get("rel", "").lower().split()) <= TOLD and "rel" in found:
            return
        for name in FETCHED.get(tag, ()):
            entries = found.get(name, "").split(",") if name == "srcset" else [found.get(name, "")]
            self.remote += [entry.split()[0] for entry in entries if is_remote(entry)]

    def handle_endtag(self, tag):
        self._in_style = self._in_style and tag != "style"

    def handle_data(self, data):
        if self._in_style:
            self.remote += IN_STYLES.findall(data)


def fetched_by(html: str) -> list[str]:
    """The remote addresses that a page fetches by itself."""
    page = _Page()
    page.feed(html)
    return page.remote


def offences(folder: Path) -> Iterator[str]:
    """Every page and style sheet below a folder that fetches, and what."""
    for path in sorted(folder.rglob("*.html")):
        for address in fetched_by(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(folder)} fetches {address}"
    for path in sorted(folder.rglob("*.css")):
        for address in IN_STYLES.findall(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(folder)} fetches {address}"


def main(folder: Path) -> int:
    count = len(list(folder.rglob("*.html")))
    found = list(offences(folder))
    for line in found:
        print(line, file=sys.stderr)
    print(f"{count} pages, {len(found) or 'nothing'} fetched from the network")
    return 1 if found or not count else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
