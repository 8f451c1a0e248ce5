from __future__ import annotations

from dataclasses import replace

from experiments.reporting.tripod import ASKED, tripod


def test_every_item_is_there_in_order_and_the_files_answer_some(source) -> None:
    items = tripod(source, "90 patients, 60 with the event")
    assert [item.number for item in items] == list(ASKED)
    # The statement has 27 items, some of them in parts.
    assert {int("".join(filter(str.isdigit, n))) for n in ASKED} == set(range(1, 28))
    answers = {item.number: item.answer for item in items}
    assert answers["6b"] == "in the patient table: 100; age known: 90"
    assert "endpoint OS" in answers["8a"]
    assert "age: numeric in years" in answers["9b"]
    assert "er: categorical (no, yes)" in answers["9b"]
    assert "5 folds, split stratified, drawn 1 times; protocol nested" in answers["12a"]
    assert answers["18f"].startswith("code at commit abc; torch 2")
    assert answers["20a"] == "90 patients, 60 with the event"
    assert "75%" in answers["12d"]


def test_what_only_authors_know_is_left_to_them(source) -> None:
    open_items = {item.number for item in tripod(source, "") if not item.filled}
    assert {"2", "3a", "6c", "8c", "14", "17", "18a", "19", "25", "26"} <= open_items


def test_foreign_predictions_answer_little(source) -> None:
    foreign = replace(source, config={}, environment={}, cohort=None, audit=None)
    filled = [item.number for item in tripod(foreign, "90 patients") if item.filled]
    assert filled == ["12e", "20a", "21", "23a"]
