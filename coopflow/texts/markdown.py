"""The HTML part of a mail: the author's Markdown, with every value put in literally, in a plain layout.

Markdown is read from an outline (`sandbox`), in which each value is one mark, so no value can become markup. The HTML
of an outline is kept, because families get the same words with other values.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from html import escape
from urllib.parse import quote

from markdown_it import MarkdownIt
from markdown_it.token import Token

from coopflow.texts.errors import RenderError
from coopflow.texts.sandbox import Outline
from coopflow.texts.values import CLOSE, OPEN

IN_LINK, WHOLE_LINK = "\ue002", "\ue003"  # they open a mark inside a link, and one that a link begins with
MARK = re.compile(f"([{OPEN}{IN_LINK}{WHOLE_LINK}])(\\d+){CLOSE}")
SAFE_LINK = re.compile(r"(?:https://|mailto:)[^\s<>\"'`{}|\\^]+", re.IGNORECASE)
# Left out: what only confuses those who write letters (indented code, headings by underlining, entities), what a value
# could hide in, and images, which tell a server who has read a mail.
LEFT_OUT = ["code", "fence", "html_block", "html_inline", "image", "entity", "lheading", "reference"]
STYLES = {
    "p": "margin:0 0 16px",
    "h1": "margin:0 0 16px;font-size:22px",
    "h2": "margin:24px 0 12px;font-size:18px",
    "ul": "margin:0 0 16px;padding-left:24px",
    "ol": "margin:0 0 16px;padding-left:24px",
    "a": "color:#1a5fb4",
    "blockquote": "margin:0 0 16px;padding-left:16px;border-left:3px solid #ccc",
    "hr": "border:0;border-top:1px solid #ddd;margin:24px 0",
}
LETTER = '<div style="max-width:600px;margin:0 auto;padding:24px 32px;background:#fff;color:#222'  # begins the body
LAYOUT = """\
<!DOCTYPE html>
<html>
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title></head>
<body style="margin:0;padding:24px;background:#f5f5f3">
<div style="max-width:600px;margin:0 auto;padding:24px 32px;background:#fff;color:#222;font:16px/1.5 sans-serif">
{body}</div>
{footer}</body>
</html>
"""
FOOTER = '<div style="max-width:600px;margin:16px auto;padding:0 32px;color:#666;font:13px/1.5 sans-serif">\n{}</div>\n'


def with_notice(html: str, notice: str) -> str:
    """The HTML part with a line above everything else."""
    before, body, rest = html.partition(LETTER)
    line = f'<p style="max-width:600px;margin:0 auto 16px;font:13px/1.5 sans-serif">{escape(notice)}</p>\n'
    return f"{before}{line}{body}{rest}"


class Letters(MarkdownIt):
    """Markdown as people write letters: a line stays a line, links are https or mail, nothing else is special."""

    def __init__(self, refused: Callable[[str], None] = lambda _: None) -> None:
        super().__init__("commonmark", {"html": False, "breaks": True})
        self.disable(LEFT_OUT)
        self.refused = refused  # told of each link that is not let through

    def normalizeLink(self, url: str) -> str:  # noqa: N802 - the library's name
        """Leave marks as they are, but tell those inside a link from those in text."""
        if OPEN not in url:
            return super().normalizeLink(url)
        pieces = (piece if MARK.fullmatch(piece) else super(Letters, self).normalizeLink(piece) for piece in _cut(url))
        whole = WHOLE_LINK if url.startswith(OPEN) else IN_LINK
        return "".join(pieces).replace(OPEN, whole, 1).replace(OPEN, IN_LINK)

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802
        """Show a link as it is written."""
        return link

    def validateLink(self, url: str) -> bool:  # noqa: N802
        """Let https and mail through; a link that begins with a value is looked at when the value is there."""
        fine = url.lower().startswith(("https://", "mailto:", WHOLE_LINK))
        if not fine:
            self.refused(MARK.sub("…", url))
        return fine


def html_of(outline: Outline, *, title: str, footer: str | None = None) -> str:
    """Make the HTML part; raise RenderError for a link that a value makes unsafe. The footer is Markdown too."""
    small = FOOTER.format(_markdown(footer)) if footer else ""
    return LAYOUT.format(title=escape(title), body=_filled(outline), footer=small)


def unsafe_links(markdown: str) -> list[str]:
    """Every link in an author's text that is neither https nor mail."""
    found: list[str] = []
    Letters(found.append).render(markdown)
    return list(dict.fromkeys(found))


def _filled(outline: Outline) -> str:
    def literally(mark: re.Match[str]) -> str:
        name, value = outline.values[int(mark[2])]
        if mark[1] == OPEN:
            return escape(value).replace("\n", "<br />\n")
        if mark[1] == IN_LINK:
            return quote(value, safe="@")
        if not SAFE_LINK.fullmatch(value):
            raise RenderError(f"{name} is a link here and is neither https:// nor mailto:", field=name)
        return escape(value)

    return MARK.sub(literally, _markdown(outline.text))


@lru_cache(maxsize=64)
def _markdown(text: str) -> str:
    tokens = LETTERS.parse(text)
    _dress(tokens)
    return str(LETTERS.renderer.render(tokens, LETTERS.options, {}))


def _dress(tokens: Sequence[Token]) -> None:
    """Give each element its style in place, as mail programs read no style sheet; a link's title could hide a value."""
    for token in tokens:
        token.attrs.pop("title", None)
        if token.nesting >= 0 and token.tag in STYLES:
            token.attrSet("style", STYLES[token.tag])
        _dress(token.children or ())


def _cut(url: str) -> list[str]:
    return [piece for piece in re.split(f"({OPEN}\\d+{CLOSE})", url) if piece]


LETTERS = Letters()
