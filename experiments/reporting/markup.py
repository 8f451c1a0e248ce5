"""HTML in small pieces: everything that comes from data is escaped, tables have headers."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from itertools import count

# Cells longer than this are sentences, which may break.
LONG_WORDS = 28
# Nothing is loaded from anywhere: figures are in the file, and there is no script.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
STYLE = """
:root { color-scheme: light; --ink: #1a1a1a; --soft: #595959; --line: #d4d4d4; --mark: #8a4100; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 76rem; color: var(--ink); background: #fff;
  font: 1rem/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 1.75rem 0 .5rem; }
p, li { max-width: 42rem; overflow-wrap: anywhere; }
a { color: #005a9c; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; list-style: none; padding: 0; }
.skip { position: absolute; left: -999rem; }
.skip:focus { position: static; }
.scroll { overflow-x: auto; margin: .75rem 0; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding-bottom: .35rem; }
caption span { display: block; width: max-content; max-width: min(42rem, calc(100vw - 2rem)); }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: right;
  vertical-align: top; }
td { white-space: nowrap; }
th[scope=row], td.text, td.words, th.text { text-align: left; }
th[scope=row] { position: sticky; left: 0; background: #fff; }
th small { display: block; font-weight: 400; color: var(--soft); }
thead th { vertical-align: bottom; border-bottom: 2px solid var(--soft); }
td.text { white-space: normal; }
td.words { white-space: normal; min-width: 14rem; }
figure { margin: 1rem 0; }
figure img { width: 100%; max-width: 30rem; height: auto; }
figcaption { color: var(--soft); font-size: .875rem; max-width: 42rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 24rem), 1fr));
  gap: 0 2rem; }
.no { color: var(--mark); }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .8rem; background: #f6f6f6;
  padding: .75rem; }
@media (min-width: 48rem) { th small { white-space: nowrap; } }
@media print {
  body { max-width: none; padding: 0; font-size: 9.5pt; }
  nav, .skip { display: none; }
  .scroll { overflow: visible; }
  table { font-size: 7.5pt; }
  th, td { padding: .1rem .3rem; }
  td { white-space: normal; }
  td.words { min-width: 0; }
  figure, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
}
"""


def table(caption: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column names its rows; numbers stand to the right, words to the left.

    Args:
        caption: What it holds; screen readers announce it first.
        headings: Of the columns.
        rows: Cells as shown, not escaped; the first may have a second line, which is small. A
            column whose cells are all empty is left out.

    Example:
        >>> "<th scope=row>a &amp; b</th><td>1</td>" in table("t", ["x", "y"], [["a & b", "1"]])
        True
    """
    cells = [list(row) for row in rows]
    # A column of reasons that nobody needs, or of groups that there are not.
    used = [i for i in range(len(headings)) if i == 0 or any(row[i] for row in cells)]
    headings = [headings[i] for i in used]
    cells = [[row[i] for i in used] for row in cells]
    kinds = [_kind([row[i] for row in cells]) for i in range(len(headings))]
    head = "".join(
        f"<th scope=col{' class=text' if kind or not i else ''}>{escape(heading)}</th>"
        for i, (heading, kind) in enumerate(zip(headings, kinds, strict=True))
    )
    body = "\n".join(
        f"<tr><th scope=row>{_named(first)}</th>"
        + "".join(f"<td{k}>{escape(c)}</td>" for c, k in zip(rest, kinds[1:], strict=True))
        + "</tr>"
        for first, *rest in cells
    )
    # A wide table scrolls by itself, by keyboard too, and leaves the page where it is.
    return (
        f'<div class=scroll role=region tabindex=0 aria-label="{escape(caption, quote=True)}">'
        f"<table><caption><span>{escape(caption)}</span></caption><thead><tr>{head}</tr></thead>"
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def _named(cell: str) -> str:
    """A row's name, and small below it what stands on further lines."""
    name, *more = cell.split("\n")
    return escape(name) + "".join(f"<small>{escape(line)}</small>" for line in more)


def _kind(column: Sequence[str]) -> str:
    """Class of a column's cells: none for numbers, text for words, words for sentences."""
    longest = max(column, key=len, default="")
    if not any(cell[:1].isalpha() for cell in column):
        return ""
    return " class=words" if len(longest) > LONG_WORDS else " class=text"


def figure(svg: bytes, alt: str, caption: str) -> str:
    """A drawing inside the page, with what it shows in words for those who cannot see it."""
    data = base64.b64encode(svg).decode("ascii")
    return (
        f'<figure><img src="data:image/svg+xml;base64,{data}" alt="{escape(alt, quote=True)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def paragraph(text: str) -> str:
    """A paragraph.

    Example:
        >>> paragraph("p < 0.05")
        '<p>p &lt; 0.05</p>'
    """
    return f"<p>{escape(text)}</p>"


def items(texts: Iterable[str]) -> str:
    """A list."""
    return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>"


def left_out(what: str, reason: str) -> str:
    """Says what is not there, and why: an absence must be seen."""
    return f"<p class=no>{escape(what)} is left out: {escape(reason)}.</p>"


def page(title: str, sections: Sequence[tuple[str, str]]) -> str:
    """A whole file: headings, a list of contents, and sections.

    Args:
        title: Of the page.
        sections: Heading and content as HTML, in order.
    """
    numbers = count(1)
    placed = [(f"s{next(numbers)}", heading, content) for heading, content in sections]
    links = "".join(f'<li><a href="#{key}">{escape(h)}</a></li>' for key, h, _ in placed)
    body = "\n".join(
        f'<section aria-labelledby="{key}"><h2 id="{key}">{escape(h)}</h2>\n{content}\n</section>'
        for key, h, content in placed
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<a class=skip href="#s1">Skip to the findings</a>
<header><h1>{escape(title)}</h1>
<nav aria-label="Contents"><ul>{links}</ul></nav></header>
<main>
{body}
</main>
</body>
</html>
"""
