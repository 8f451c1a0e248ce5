from __future__ import annotations

import re
from xml.etree import ElementTree

import pandas as pd

from experiments.sweeping.agent import serve
from experiments.sweeping.board import leaderboard
from experiments.sweeping.page import NAME, write_page


def _page(made) -> str:
    write_page(leaderboard(made.folder, made.sweep), made)
    return (made.folder / NAME).read_text(encoding="utf-8")


def test_the_page_holds_figures_and_leaderboard_and_fetches_nothing(order) -> None:
    made = order()
    serve(made, 0)
    text = _page(made)
    assert text.count("<svg") == 2
    assert "<script" not in text
    fetched = re.findall(r'(?:src|href)="(?!#)([^"]+)"', text)
    assert not fetched
    assert not re.findall(r"@import|url\((?!#)", text)
    table = ElementTree.fromstring(re.search(r"<table>.*</table>", text, re.DOTALL).group())
    rows = [[cell.text or "" for cell in row] for row in table]
    assert len(rows) == 5
    board = leaderboard(made.folder, made.sweep)
    assert [row[0] for row in rows[1:]] == ["1", "2", "3", "4"]
    assert [int(row[1]) for row in rows[1:]] == board["configuration"].tolist()
    assert rows[1][-3].startswith(f"{board['cv/inner_loss'].iloc[0]:.3f}")


def test_a_sweep_without_results_has_a_page_that_says_so(order) -> None:
    text = _page(order())
    assert "None yet" in text
    assert "0 ranked configurations" in text


def test_names_from_files_cannot_break_the_page(order) -> None:
    made = order(name="<b>&", count=1)
    board = pd.DataFrame(
        [{"rank": 1, "configuration": 1, "state": "ranked", "model.dropout": 0.1,
          "pooling": "<i>", "cv/inner_loss": 1.0, "sd": 0.1, "cv/c_index": 0.6,
          "cv/c_index_sd": 0.1, "reason": "<script>"}]
    )  # fmt: skip
    write_page(board, made)
    text = (made.folder / NAME).read_text(encoding="utf-8")
    assert "<script>" not in text
    assert "<b>" not in text
    assert "&lt;i&gt;" in text
