from __future__ import annotations

import time
from typing import get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from data_modules.manifest import ReadingName
from data_modules.vocabulary import READINGS, UNKNOWN, nottingham_grade, unit_in

# By reading: canonical text, and the spellings that mean it.
MEANINGS: dict[str, dict[str | None, list[str]]] = {
    "grade": {
        "1": ["1", "1.0", "G1", "g 1", "Grade 1", "I", "Grade I", "1/3", "Low", "Low grade",
              "Well differentiated", "well"],
        "2": ["2", "G2", "II", "GRADE II", "2 / 3", "Moderately differentiated", "Intermediate"],
        "3": ["3", "G3", "iii", "High Grade", "Poorly  differentiated", "poor", "[G3]"],
        None: ["GX", "Unknown", "Grade X", "x", "[Discrepancy]", "Not Reported", ""],
    },
    "nottingham": {
        "1": ["3", "4", "5", "5.0", "4/9"],
        "2": ["6", "7", "7 / 9"],
        "3": ["8", "9", "9/9", "8.0"],
        None: ["unknown"],
    },
    "score": {
        "1": ["1", "1.0", "(score = 1) >75%", "score 1"],
        "2": ["2", "(score = 2) 6 to 10 per 10 HPF", "Score=2"],
        "3": ["3", "(score = 3) <10%"],
        None: ["Cannot be evaluated"],
    },
    "t_stage": {
        "0": ["T0", "Tis", "Tis (DCIS)", "pTis(Paget)", "0"],
        "1": ["T1", "t1", "T1c", "T1mi", "T1a2", "pT1b", "ypT1c", "cT1", "T1c(m)", "T1b (2)",
              "1.0"],
        "2": ["T2", "T 2", "T2B", "pT2(3)", "2"],
        "3": ["T3", "rT3a"],
        "4": ["T4", "T4b", "T4d", "ypT4c"],
        None: ["TX", "pTX", "[Not Available]", "X"],
    },
    "n_stage": {
        "0": ["N0", "N0 (i-)", "N0(i+)", "N0 (mol+)", "pN0(sn)", "pN0(i-)(sn)", "N0 i+"],
        "1": ["N1", "N1mi", "N1 mi", "N1a", "pN1mi(sn)", "N1c", "N1b (f)"],
        "2": ["N2", "pN2a(sn)"],
        "3": ["N3", "N3b", "ypN3c", "3"],
        None: ["NX", "unknown"],
    },
    "m_stage": {
        "0": ["M0", "cM0 (i+)", "CM0 (I+)", "0"],
        "1": ["M1", "pM1b", "M1a"],
        None: ["MX"],
    },
    "ajcc_stage": {
        "0": ["0", "Stage 0", "Tis"],
        "1": ["Stage IA", "I", "1", "stage ib2"],
        "2": ["STAGE IIB", "ii"],
        "3": ["Stage IIIC", "3"],
        "4": ["Stage IV", "IV"],
        None: ["Stage X", "not reported"],
    },
    "receptor": {
        "positive": ["Positive", "pos", "+", "1", "1.0", "True", "yes"],
        "negative": ["NEGATIVE", "Neg", "-", "0", "0.0", "false", "no"],
        None: ["Equivocal", "Indeterminate", "[Not Evaluated]", "Performed but Not Available"],
    },
    "her2_ihc": {
        "positive": ["3", "3+", "3.0", "Positive"],
        "negative": ["0", "0+", "1", "1+", "1.0", "negative"],
        None: ["2", "2+", "2.0", "Equivocal"],
    },
    "pam50": {
        "LumA": ["LumA", "BRCA_LumA", "Luminal A", "luminal-a", "Lum A"],
        "LumB": ["BRCA_LumB", "Luminal B"],
        "Her2": ["HER2-enriched", "HER2E", "Her2", "ERBB2"],
        "Basal": ["Basal-like", "BRCA_Basal"],
        "Normal": ["normal-like", "BRCA_Normal"],
        "ClaudinLow": ["CLOW", "Claudin-low"],
        None: ["NC", "unknown"],
    },
    "number": {
        "2.3": ["2.30", "+2.3", "2.3 cm", "2.3cm", "23e-1", "23e-1 mm"],
        "-0.5": ["-.5", "-0.5"],
        "3": ["3", "3.", "3.0", "3 years", "3 µm", "3 μm"],
        "100000": ["1e5", "1E5 mm"],
        None: ["Not Reported", "."],
    },
    "text": {"a b": ["a b", "  a b "], None: ["Unknown", "[Not Available]"]},
}  # fmt: skip
SPELLINGS = [
    pytest.param(reading, spelling, meant, id=f"{reading}: {spelling}")
    for reading, meanings in MEANINGS.items()
    for meant, spellings in meanings.items()
    for spelling in spellings
]
REFUSED = {
    "grade": ["4", "G4", "0", "5", "9", "1-2", "G1/G2", "1/2", "٣", "moderately well", "NA"],
    "nottingham": ["2", "10", "G2", "6.5", "high", "-5"],
    "score": ["0", "4", "(score = 12)", "score = 2.5", "(score = 4) many", "two"],
    "t_stage": ["T5", "T10", "T12", "N1", "5", "T", "pathological", "T1 or T2", "T1/T2", "1c",
                "T2()", "T1e", "Ts", "٣"],
    "n_stage": ["N4", "N10", "Nis", "T1", "4", "0-3", "N1 T2", "N1 12"],
    "m_stage": ["M2", "M10", "2", "cM", "Mis"],
    "ajcc_stage": ["V", "5", "IIII", "Stage", "IIA/IIB", "T2", "IID"],
    "receptor": ["1+", "2+", "3+", "0+", "2", "3", "4+", "90-99%", "<10%", "maybe"],
    "her2_ihc": ["4", "4+", "1.5", "90%", "amplified"],
    "pam50": ["Luminal", "IDC", "LumA?", "LumA/LumB", "LumB (Her2+)", "non-LumA", "not basal"],
    "number": ["2,3", "1,234.5", "<5", ">10", "5-10", "10%", "1e400", "nan", "inf", "2 3", "0x1F",
               "2.3 cm2", "five", "--", "1_000"],
}  # fmt: skip
CANONICAL = [
    (reading, value)
    for reading, meanings in MEANINGS.items()
    for value in meanings
    if value is not None and reading != "nottingham"  # reads a sum and returns a grade
]


def test_every_reading_is_tested_and_can_be_asked_for() -> None:
    assert set(MEANINGS) == set(READINGS) == set(get_args(ReadingName))
    assert set(REFUSED) == set(READINGS) - {"text"}


@pytest.mark.parametrize(("reading", "spelling", "meant"), SPELLINGS)
def test_a_spelling_is_read_as_it_is_meant(reading, spelling, meant) -> None:
    assert READINGS[reading](spelling) == meant


@pytest.mark.parametrize(
    ("reading", "text"), [(reading, text) for reading, texts in REFUSED.items() for text in texts]
)
def test_what_is_not_understood_is_refused(reading, text) -> None:
    with pytest.raises(ValueError, match=r"^is (no|not) "):
        READINGS[reading](text)


def test_messages_name_the_way_out() -> None:
    with pytest.raises(ValueError, match="read scores of HER2 with `her2_ihc`"):
        READINGS["receptor"]("2+")
    with pytest.raises(ValueError, match="write the decimal point as a point"):
        READINGS["number"]("2,3")


@pytest.mark.parametrize(("reading", "value"), CANONICAL)
def test_canonical_text_reads_back_to_itself(reading, value) -> None:
    assert READINGS[reading](value) == value


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("word", sorted(UNKNOWN))
def test_nobody_knows_in_every_variable(reading, word) -> None:
    assert READINGS[reading](f" [{word.upper()}] ") is None


WORDS = st.one_of(
    st.text(max_size=12),
    st.text("tnmgpcyxis0123456789.+-/()[]% aebIVX", max_size=10),
    st.sampled_from([s for meanings in MEANINGS.values() for ss in meanings.values() for s in ss]),
)


@pytest.mark.parametrize("reading", READINGS)
@given(text=WORDS)
@example("T1" + "1" * 60 + "!")
@example("(" * 60)
def test_any_text_is_read_or_refused(reading, text) -> None:
    try:
        value = READINGS[reading](text)
    except ValueError:
        return
    if value is None or reading == "nottingham":
        assert value in {None, "1", "2", "3"}
        return
    assert READINGS[reading](value) == value
    if reading not in {"number", "text"}:
        assert value in MEANINGS[reading]


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("piece", ["1", "(1)", "i+", "(sn)", "mi", " ", "(", "a1"])
def test_long_text_is_refused_or_read_at_once(reading, piece) -> None:
    started = time.monotonic()
    for start in ("T1", "N0", "score ", "1e", ""):
        try:
            READINGS[reading](start + piece * 3000 + "!")
        except ValueError:
            assert reading != "text"
    assert time.monotonic() - started < 1


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_keep_twelve_digits_and_their_unit(number) -> None:
    text = READINGS["number"](f"{number!r} mm")
    assert text is not None
    assert float(text) == pytest.approx(number, rel=1e-11)
    assert unit_in(f"{number!r} mm") == "mm"


@pytest.mark.parametrize(
    ("text", "unit"),
    [("25", ""), ("25 MM", "mm"), ("1e5cm", "cm"), ("3 µm", "μm"), ("tall", ""), ("2.3 cm2", "")],
)
def test_the_unit_behind_a_number(text, unit) -> None:
    assert unit_in(text) == unit


def test_a_sum_has_the_grade_of_elston_and_ellis() -> None:
    assert [nottingham_grade(total) for total in range(3, 10)] == list("1112233")
    for total in (2, 10):
        with pytest.raises(ValueError, match=f"between 3 and 9, found {total}"):
            nottingham_grade(total)
