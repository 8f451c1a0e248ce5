"""Which samples of an expression matrix speak for which patient."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

# Of the samples that a note counts, this many are named.
NAMED = 4
# R writes points for hyphens in column names. The patient, the kind of sample, then vial, portion,
# plate and centre.
BARCODE = re.compile(r"(TCGA[-.]\w{2}[-.]\w{4})(?:[-.](\d{2})([A-Z](?:[-.].*)?)?)?")
# https://gdc.cancer.gov/resources-tcga-users/tcga-code-tables/sample-type-codes
KINDS = {
    "01": "primary tumour",
    "02": "recurrence",
    "03": "primary blood cancer",
    "05": "further primary tumour",
    "06": "metastasis",
    "07": "further metastasis",
    "09": "primary blood cancer of the marrow",
    "10": "blood",
    "11": "normal tissue",
}
PRIMARY = ("01", "03", "09")


class Choice(NamedTuple):
    """Samples by patient.

    Attributes:
        patients: Positions of the samples of each patient, the one to prefer first.
        notes: What was not used.
    """

    patients: dict[str, list[int]]
    notes: list[str]


def choose_samples(samples: Sequence[str], suffix: str = "") -> Choice:
    """Sorts samples by patient.

    With a suffix, samples that end in it count and the rest of the name is the patient. Without
    one, of the names that are TCGA barcodes primary tumours count, whatever follows in vial,
    portion and plate; other names are patients as they are.

    Example:
        >>> names = ["TCGA-A1-A0SB-01A-11R", "TCGA-A1-A0SB-11A-33R", "P7"]
        >>> choice = choose_samples(names)
        >>> choice.patients
        {'TCGA-A1-A0SB': [0], 'P7': [2]}
        >>> choice.notes
        ['1 samples of normal tissue (11) not used: TCGA-A1-A0SB-11A-33R']
        >>> choose_samples(["a-01", "a-11"], "-01").patients
        {'a': [0]}
    """
    found: dict[str, list[int]] = {}
    unused: dict[str, list[str]] = {}
    for position, name in enumerate(samples):
        barcode = None if suffix else BARCODE.fullmatch(name)
        if suffix and not name.endswith(suffix):
            unused.setdefault(f"that do not end in {suffix}", []).append(name)
        elif barcode is None:
            found.setdefault(name.removesuffix(suffix), []).append(position)
        elif barcode[2] in (None, *PRIMARY):
            found.setdefault(barcode[1].replace(".", "-"), []).append(position)
        else:
            kind = f"of {KINDS.get(barcode[2], 'another kind')} ({barcode[2]})"
            unused.setdefault(kind, []).append(name)
    ordered = {
        patient: sorted(positions, key=lambda position: samples[position])
        for patient, positions in found.items()
    }
    return Choice(ordered, [_note(kind, names) for kind, names in unused.items()])


def _note(kind: str, names: list[str]) -> str:
    rest = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{len(names)} samples {kind} not used: {', '.join(names[:NAMED])}{rest}"
