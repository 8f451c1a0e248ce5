from __future__ import annotations

import io
import json

import pandas as pd
import pytest
import yaml
from rich.console import Console

from experiments.sweeping.agent import serve
from experiments.sweeping.board import board_table, leaderboard, write_leaderboard

PROTOCOLS = {"protocol": {"values": ["nested", "paper"]}, "pooling": {"values": ["mean", "abmil"]}}


def test_a_grid_ranks_by_the_inner_score_and_shows_the_outer_one(order) -> None:
    made = order(parameters=PROTOCOLS, metric={"name": "cv/inner_c_index", "goal": "maximize"})
    serve(made, 0)
    board = leaderboard(made.folder, made.sweep)
    assert board["state"].tolist() == ["ranked", "ranked", "unranked", "unranked"]
    assert board["protocol"].tolist() == ["nested", "nested", "paper", "paper"]
    assert board["cv/inner_c_index"].iloc[0] >= board["cv/inner_c_index"].iloc[1]
    assert board["rank"].tolist()[:2] == [1, 2]
    assert board["rank"].isna().tolist() == [False, False, True, True]
    assert board["cv/c_index"].notna().all()
    assert board["reason"].str.contains("no inner split").tolist() == [False, False, True, True]


def test_a_search_shows_the_outer_score_of_the_winner_alone(order) -> None:
    made = order(method="random", run_cap=4)
    serve(made, 0)
    board = leaderboard(made.folder, made.sweep)
    assert board["cv/inner_loss"].is_monotonic_increasing
    assert board["cv/c_index"].notna().tolist() == [True] + [False] * (len(board) - 1)


def test_what_is_written_is_what_was_found(order) -> None:
    made = order(count=3)
    serve(made, 0)
    board = leaderboard(made.folder, made.sweep)
    write_leaderboard(board, made.sweep, made.folder)
    table = pd.read_csv(made.folder / "leaderboard.csv")
    assert table["cv/inner_loss"].tolist() == pytest.approx(board["cv/inner_loss"].tolist())
    rows = json.loads((made.folder / "leaderboard.json").read_text())["rows"]
    assert [row["configuration"] for row in rows] == board["configuration"].tolist()
    winner = yaml.safe_load((made.folder / "winner.yaml").read_text())
    assert winner["model"]["dropout"] == board["model.dropout"].iloc[0]
    assert winner["pooling"] == board["pooling"].iloc[0]
    assert not {"out", "resume", "logger"} & winner.keys()


def test_a_sweep_that_has_not_begun_has_an_empty_board(order) -> None:
    made = order()
    board = leaderboard(made.folder, made.sweep)
    write_leaderboard(board, made.sweep, made.folder)
    assert not len(board)
    assert not (made.folder / "winner.yaml").exists()


def test_the_table_fits_a_terminal_and_says_what_ranks(order) -> None:
    made = order(count=2)
    serve(made, 0)
    printed = io.StringIO()
    Console(file=printed, width=80).print(
        board_table(leaderboard(made.folder, made.sweep), made.sweep)
    )
    text = printed.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    for words in ("minimize cv/inner_loss", "dropout", "pooling", "±", "outer"):
        assert words in text
