"""Clinical words as clinicians mean them: one canonical text for each of their spellings.

Every reading is a function of one cell. It returns the canonical text, None where the cell says
that nothing is known, and raises ValueError where it is not understood: nothing is guessed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

Reading = Callable[[str], str | None]

# In any variable, these say that nobody knows.
UNKNOWN = frozenset(
    {"", "unknown", "not reported", "not available", "not evaluated", "not performed", "missing",
     "performed but not available", "indeterminate", "cannot be evaluated", "cannot be assessed",
     "discrepancy", "x", "."}
)  # fmt: skip
ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4"}


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text.strip().strip("[]").casefold())


def read_grade(text: str) -> str | None:
    """Nottingham grade 1, 2 or 3: of a grade or its words.

    A sum of 3 to 9 is read with `nottingham`: its 3 cannot be told from grade 3.

    Example:
        >>> read_grade("G2"), read_grade("Grade III"), read_grade("Moderately differentiated")
        ('2', '3', '2')
        >>> read_grade("GX")
    """
    word = _plain(text)
    if word in UNKNOWN or word in {"gx", "gb", "grade x"}:
        return None
    words = {
        "well": "1",
        "low": "1",
        "moderate": "2",
        "intermediate": "2",
        "poor": "3",
        "high": "3",
    }
    for start, grade in words.items():
        if re.fullmatch(rf"{start}(ly)?( differentiated| grade)?", word):
            return grade
    found = re.fullmatch(r"(?:g|grade)? ?([123]|i{1,3})(?:\.0)?(?: ?/ ?3)?", word)
    if found:
        return ROMAN.get(found[1], found[1])
    raise ValueError("is no grade: G1 to G3, 1 to 3, I to III, or well to poorly differentiated")


def read_score(text: str) -> str | None:
    """One component of the Nottingham sum: 1, 2 or 3, alone or in "(score = 3) <10%".

    Example:
        >>> read_score("(score = 3) <10%"), read_score("2")
        ('3', '2')
    """
    word = _plain(text)
    if word in UNKNOWN:
        return None
    found = re.match(r"\(?score ?=? ?([123])(?![\d.])", word) or re.fullmatch(
        r"([123])(?:\.0)?", word
    )
    if found:
        return found[1]
    raise ValueError("is no Nottingham score of 1 to 3")


def nottingham_grade(total: int) -> str:
    """Grade of the sum of tubules, pleomorphism and mitoses.

    Source: Elston and Ellis, Pathological prognostic factors in breast cancer, 1991,
    doi:10.1111/j.1365-2559.1991.tb00229.x.

    Example:
        >>> [nottingham_grade(total) for total in (5, 7, 8)]
        ['1', '2', '3']
    """
    if not 3 <= total <= 9:
        raise ValueError(f"a Nottingham sum lies between 3 and 9, found {total}")
    return "1" if total <= 5 else "2" if total <= 7 else "3"


def read_nottingham(text: str) -> str | None:
    """Grade of a Nottingham sum of 3 to 9.

    Example:
        >>> read_nottingham("7"), read_nottingham("8/9")
        ('2', '3')
    """
    word = _plain(text)
    if word in UNKNOWN:
        return None
    found = re.fullmatch(r"([3-9])(?:\.0)?(?: ?/ ?9)?", word)
    if not found:
        raise ValueError("is no Nottingham sum of 3 to 9")
    return nottingham_grade(int(found[1]))


def _stage(letter: str, highest: int) -> Reading:
    """T, N or M with its subdivisions folded: T1c is 1, N1mi is 1, N0(i+) is 0; X is unknown."""
    # Before the letter: pathological, clinical, after treatment, recurrent, autopsy, multiple.
    staged = re.compile(rf"[pcryam]{{0,3}}{letter} ?([0-9]|x|is)(.*)")
    # A subdivision, then isolated cells, sentinel node or fine needle, kind, number of tumours.
    tail = re.compile(
        r"(?: ?(?:mi|[a-d](?:[1-3]|i{1,3}|s)?))?"
        r"(?: ?\((?:(?:i|mol) ?[+-]?|m|mi|sn|f|dcis|lcis|paget'?s?|[0-9]{1,2})\)"
        r"| ?(?:i|mol)[+-])*"
    )

    def read(text: str) -> str | None:
        word = _plain(text)
        if word in UNKNOWN:
            return None
        bare = re.fullmatch(r"([0-9])(?:\.0)?", word)
        found = staged.fullmatch(word)
        stage = bare[1] if bare else found[1] if found and tail.fullmatch(found[2]) else ""
        if stage == "x":
            return None
        if stage == "is" and letter == "t":
            return "0"
        if stage.isdecimal() and int(stage) <= highest:
            return stage
        name = letter.upper()
        raise ValueError(f"is no {name} stage: {name}0 to {name}{highest}, {name}X")

    return read


def read_ajcc_stage(text: str) -> str | None:
    """Anatomic stage 0 to 4, its letters folded.

    Example:
        >>> read_ajcc_stage("Stage IIA"), read_ajcc_stage("STAGE X"), read_ajcc_stage("iv")
        ('2', None, '4')
    """
    whole = _plain(text)
    word = whole.removeprefix("stage").strip()
    if whole in UNKNOWN or (word and word in UNKNOWN):
        return None
    if word in {"0", "tis"}:
        return "0"
    found = re.fullmatch(r"(iv|i{1,3}|[1-4])([abc]\d?)?", word)
    if not found:
        raise ValueError("is no stage: 0 to IV with A, B or C, or X")
    return ROMAN.get(found[1], found[1])


def read_receptor(text: str) -> str | None:
    """Positive or negative; equivocal is unknown.

    Of HER2 a score of 1 is negative, of a hormone receptor it is positive: scores are refused.

    Example:
        >>> read_receptor("Pos"), read_receptor("-"), read_receptor("Equivocal")
        ('positive', 'negative', None)
    """
    word = _plain(text)
    if word in UNKNOWN or word in {"equivocal", "borderline"}:
        return None
    if word in {"positive", "pos", "+", "1", "1.0", "true", "yes", "p"}:
        return "positive"
    if word in {"negative", "neg", "-", "0", "0.0", "false", "no", "n"}:
        return "negative"
    way = "; read scores of HER2 with `her2_ihc`" if re.fullmatch(r"[0-4]\+?(\.0)?", word) else ""
    raise ValueError(f"is no receptor status: positive, negative or equivocal{way}")


def read_her2_ihc(text: str) -> str | None:
    """HER2 by immunohistochemistry: 0 and 1+ are negative, 3+ is positive, 2+ is unknown.

    Source: Wolff et al., HER2 testing in breast cancer, 2018, doi:10.1200/JCO.2018.77.8738.

    Example:
        >>> read_her2_ihc("1"), read_her2_ihc("2+"), read_her2_ihc("Positive")
        ('negative', None, 'positive')
    """
    found = re.fullmatch(r"([0-3])(?:\+|\.0)?", _plain(text))
    if found:
        return {"0": "negative", "1": "negative", "3": "positive"}.get(found[1])
    return read_receptor(text)


SUBTYPES = {
    "luma": "LumA", "luminala": "LumA", "lumb": "LumB", "luminalb": "LumB",
    "her2": "Her2", "her2e": "Her2", "her2enriched": "Her2", "erbb2": "Her2",
    "basal": "Basal", "basallike": "Basal", "normal": "Normal", "normallike": "Normal",
    "clow": "ClaudinLow", "claudinlow": "ClaudinLow",
}  # fmt: skip


def read_pam50(text: str) -> str | None:
    """LumA, LumB, Her2, Basal, Normal or ClaudinLow.

    Example:
        >>> read_pam50("BRCA_LumA"), read_pam50("Luminal B"), read_pam50("HER2-enriched")
        ('LumA', 'LumB', 'Her2')
    """
    word = _plain(text)
    if word in UNKNOWN or word == "nc":
        return None
    key = re.sub(r"[ _.-]", "", word.removeprefix("brca_"))
    if key not in SUBTYPES:
        raise ValueError(f"is no PAM50 subtype: {', '.join(dict.fromkeys(SUBTYPES.values()))}")
    return SUBTYPES[key]


# The unit may be written with either of the two letters that look like mu.
NUMBER = re.compile(r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?)(?: ?([a-zµμ]+))?")


def read_number(text: str) -> str | None:
    """A number; a unit may stand after it where the variable has one.

    Example:
        >>> read_number("2.30"), read_number("25 mm"), read_number("not reported")
        ('2.3', '25', None)
    """
    word = _plain(text)
    if word in UNKNOWN:
        return None
    found = NUMBER.fullmatch(word)
    number = float(found[1]) if found else math.nan
    if not math.isfinite(number):
        comma = ": write the decimal point as a point" if "," in word else ""
        raise ValueError(f"is not a number{comma}")
    return f"{number:.12g}"


def unit_in(text: str) -> str:
    """The unit that stands after a number, or nothing.

    Example:
        >>> unit_in("2.3 cm"), unit_in("23")
        ('cm', '')
    """
    found = NUMBER.fullmatch(_plain(text))
    return (found[2] or "") if found else ""


def read_text(text: str) -> str | None:
    """The text itself; words that say that nobody knows are unknown."""
    return None if _plain(text) in UNKNOWN else text.strip()


READINGS: dict[str, Reading] = {
    "text": read_text,
    "number": read_number,
    "grade": read_grade,
    "nottingham": read_nottingham,
    "score": read_score,
    "t_stage": _stage("t", 4),
    "n_stage": _stage("n", 3),
    "m_stage": _stage("m", 1),
    "ajcc_stage": read_ajcc_stage,
    "receptor": read_receptor,
    "her2_ihc": read_her2_ihc,
    "pam50": read_pam50,
}
