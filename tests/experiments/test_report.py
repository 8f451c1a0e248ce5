from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from experiments.report import main, parser, problems

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def folder(finished_classical, tmp_path_factory) -> Path:
    """A report on a run and on somebody's file of predictions of the same patients."""
    home = tmp_path_factory.mktemp("report")
    theirs = home / "theirs.csv"
    table = pd.read_csv(finished_classical / "predictions.csv")
    table.iloc[:, :5].assign(log_hazard=-table["time_days"]).to_csv(theirs, index=False)
    args = [str(finished_classical), str(theirs), "--out", str(home / "out")]
    assert main([*args, "--resamples", "100"]) == 0
    return home / "out"


@pytest.fixture(scope="session")
def text(folder) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


def test_the_folder_holds_page_tables_and_figures(folder) -> None:
    assert {p.name for p in folder.iterdir()} == {"report.html", "tables", "figures"}
    tables = {p.suffix for p in (folder / "tables").iterdir()}
    figures = {p.suffix for p in (folder / "figures").iterdir()}
    assert (tables, figures) == ({".csv", ".json"}, {".png", ".svg"})
    assert not list(folder.rglob("*.partial"))


def test_the_page_has_every_section(text) -> None:
    headings = [unescape(h) for h in re.findall(r"<h2[^>]*>(.*?)</h2>", text)]
    assert headings == [
        "What the numbers support", "Models side by side", "Model run", "Model theirs", "Patients",
        "Folds", "TRIPOD+AI", "Configuration and environment",
    ]  # fmt: skip


def test_what_a_file_of_predictions_lacks_is_said(text) -> None:
    said = [unescape(line) for line in re.findall(r"<p class=no>(.*?)</p>", text)]
    assert "Survival of the risk groups is left out: the file has no risk_group." in said
    assert "Calibration is left out: no survival at a horizon is predicted." in said
    assert "The cohort is left out: a file of predictions has no clinical variables." in said
    assert "The configuration is left out: the source keeps none." in said


def test_every_table_of_numbers_names_patients_events_pairs_and_protocol(text) -> None:
    tables = re.findall(r"<table>.*?</table>", text, re.DOTALL)
    numbers = [t for t in tables if re.search(r"\d\.\d{2,3} \(", t) and "quartiles" not in t]
    assert len(numbers) >= 6
    for table in numbers:
        assert "patients" in table
        assert "events" in table
        assert "protocol" in table
        assert "pairs" in table


def test_the_other_model_is_compared_on_the_same_patients(folder) -> None:
    pairs = pd.read_csv(folder / "tables" / "comparisons.csv").set_index(["first", "second"])
    row = pairs.loc[("run", "theirs")]
    # Its predictions are the times themselves.
    assert row["difference"] < 0
    assert row["bootstrap_upper"] < 0
    # Two folds leave one degree of freedom: little can be said of the methods.
    assert row["test"] == "corrected t"
    assert row["corrected_lower"] < row["difference"] < row["corrected_upper"]
    assert len(pairs) == 2 * 17 - 1


def test_the_same_runs_give_the_same_bytes(folder, finished_classical, tmp_path) -> None:
    theirs = folder.parent / "theirs.csv"
    args = [str(finished_classical), str(theirs), "--out", str(tmp_path / "again")]
    assert main([*args, "--resamples", "100"]) == 0
    for path in folder.rglob("*.*"):
        again = tmp_path / "again" / path.relative_to(folder)
        assert again.read_bytes() == path.read_bytes(), path.name


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no browser here, none of {', '.join(BROWSERS)}")
    with sync_api.sync_playwright() as play:
        # Containers have no user namespaces for the sandbox; the page is our own.
        opened = play.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.mark.parametrize("width", [1280, 360])
def test_a_browser_shows_the_page_without_network(browser, folder, width) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto((folder / "report.html").as_uri())
    assert not complaints
    assert all(url.startswith(("file:", "data:")) for url in asked)
    # Every figure is shown and told; nothing makes the page itself scroll sideways.
    images = page.evaluate(
        "[...document.images].map(i => [i.naturalWidth, i.alt.length, i.clientWidth])"
    )
    assert len(images) == 7
    assert all(drawn > 0 and alt > 40 and shown > 250 for drawn, alt, shown in images)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_a_screen_reader_finds_its_way(browser, folder) -> None:
    page = browser.new_page()
    page.goto((folder / "report.html").as_uri())
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert page.evaluate("document.documentElement.lang") == "en"
    lacking = page.evaluate(
        "[...document.querySelectorAll('table')].filter(t => !t.caption || !t.tHead ||"
        " ![...t.querySelectorAll('th')].every(h => h.scope) ||"
        " [...t.tBodies[0].rows].some(r => r.cells[0].tagName != 'TH')).length"
    )
    assert lacking == 0
    names = page.evaluate("[...document.querySelectorAll('[role=region]')].map(r => r.ariaLabel)")
    assert all(names)
    page.close()


def test_the_page_prints(browser, folder, tmp_path) -> None:
    page = browser.new_page()
    page.goto((folder / "report.html").as_uri())
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    printed = page.pdf(format="A4")
    assert printed.startswith(b"%PDF")
    page.close()


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--resamples", "3"], "--resamples=3: at least 50"),
        (["--seed", "-1"], "--seed=-1: must not be negative"),
        (["--horizons", "5", "-1"], "positive numbers of years"),
        (["--horizons", "5", "5"], "--horizons names one twice"),
    ],
)
def test_bad_flags_are_refused(flags, told, tmp_path, capsys) -> None:
    assert main([str(tmp_path), "--out", str(tmp_path / "out"), *flags]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_report_is_not_written_into_a_run(finished_classical) -> None:
    options = parser().parse_args([str(finished_classical), "--out", str(finished_classical)])
    assert "is a run folder" in problems(options)[0]


def test_bad_predictions_are_refused_and_nothing_is_written(tmp_path, capsys) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("patient_id,fold,time_days,event,log_hazard\nA,0,10,2,0.1\n")
    assert main([str(bad), "--out", str(tmp_path / "out")]) == 2
    assert "bad.csv, row 2, column event: '2' is neither 1 nor 0" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
