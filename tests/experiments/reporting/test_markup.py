from __future__ import annotations

import re
from html.parser import HTMLParser

from experiments.reporting.markup import figure, items, left_out, page, paragraph, table

EVIL = '<script>alert("x")</script>'


class Checked(HTMLParser):
    """Opened tags are closed, in order."""

    EMPTY = ("meta", "img")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        self.seen.append(tag)
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag


def test_what_comes_from_data_is_escaped_everywhere() -> None:
    pieces = [
        table(EVIL, [EVIL, EVIL], [[EVIL, EVIL]]),
        figure(b"<svg/>", EVIL, EVIL),
        paragraph(EVIL),
        items([EVIL]),
        left_out(EVIL, EVIL),
    ]
    whole = page(EVIL, [(EVIL, "".join(pieces))])
    parser = Checked()
    parser.feed(whole)
    assert not parser.open
    assert "script" not in parser.seen
    assert whole.count("&lt;script&gt;") == 16


def test_a_table_has_headers_for_rows_and_columns() -> None:
    made = table("of folds", ["fold", "C", "why"], [["0", "0.7", ""], ["1", "–", "no event"]])
    assert made.count("<th scope=col") == 3
    assert made.count("<th scope=row>") == 2
    assert "<caption><span>of folds</span></caption>" in made
    assert 'role=region tabindex=0 aria-label="of folds"' in made


def test_what_a_row_stands_on_is_small_below_its_name() -> None:
    made = table("t", ["model", "C"], [["net\n90 patients & 60 events", "0.7"]])
    assert "<th scope=row>net<small>90 patients &amp; 60 events</small></th>" in made


def test_numbers_stand_to_the_right_words_to_the_left_and_empty_columns_nowhere() -> None:
    made = table("t", ["a", "n", "w", "long", "no"], [["x", "1", "yes", "word " * 9, ""]])
    assert "<td>1</td><td class=text>yes</td><td class=words>word" in made
    assert ">no<" not in made


def test_every_link_of_the_contents_leads_to_a_heading() -> None:
    made = page("t", [("one", ""), ("two", "")])
    links = re.findall(r'href="#(\w+)"', made)
    assert set(links) == set(re.findall(r'<h2 id="(\w+)"', made)) == {"s1", "s2"}


def test_nothing_may_be_loaded_from_elsewhere() -> None:
    made = page("t", [])
    assert "default-src 'none'" in made
    assert not re.search(r"(?:src|href)=[\"']?https?:", made)
