"""What tables call the PAM50 genes: current and older symbols, Entrez and Ensembl identifiers."""

from __future__ import annotations

# Entrez identifiers: annotation table of Parker et al. 2009, doi:10.1200/JCO.2008.18.1370. Ensembl
# identifiers: those of the primary assembly, on which two mappings made from Ensembl agree.
IDENTIFIERS = {
    "ACTR3B": ("57180", "ENSG00000133627"),
    "ANLN": ("54443", "ENSG00000011426"),
    "BAG1": ("573", "ENSG00000107262"),
    "BCL2": ("596", "ENSG00000171791"),
    "BIRC5": ("332", "ENSG00000089685"),
    "BLVRA": ("644", "ENSG00000106605"),
    "CCNB1": ("891", "ENSG00000134057"),
    "CCNE1": ("898", "ENSG00000105173"),
    "CDC20": ("991", "ENSG00000117399"),
    "CDC6": ("990", "ENSG00000094804"),
    "CDH3": ("1001", "ENSG00000062038"),
    "CENPF": ("1063", "ENSG00000117724"),
    "CEP55": ("55165", "ENSG00000138180"),
    "CXXC5": ("51523", "ENSG00000171604"),
    "EGFR": ("1956", "ENSG00000146648"),
    "ERBB2": ("2064", "ENSG00000141736"),
    "ESR1": ("2099", "ENSG00000091831"),
    "EXO1": ("9156", "ENSG00000174371"),
    "FGFR4": ("2264", "ENSG00000160867"),
    "FOXA1": ("3169", "ENSG00000129514"),
    "FOXC1": ("2296", "ENSG00000054598"),
    "GPR160": ("26996", "ENSG00000173890"),
    "GRB7": ("2886", "ENSG00000141738"),
    "KIF2C": ("11004", "ENSG00000142945"),
    "KRT14": ("3861", "ENSG00000186847"),
    "KRT17": ("3872", "ENSG00000128422"),
    "KRT5": ("3852", "ENSG00000186081"),
    "MAPT": ("4137", "ENSG00000186868"),
    "MDM2": ("4193", "ENSG00000135679"),
    "MELK": ("9833", "ENSG00000165304"),
    "MIA": ("8190", "ENSG00000261857"),
    "MKI67": ("4288", "ENSG00000148773"),
    "MLPH": ("79083", "ENSG00000115648"),
    "MMP11": ("4320", "ENSG00000099953"),
    "MYBL2": ("4605", "ENSG00000101057"),
    "MYC": ("4609", "ENSG00000136997"),
    "NAT1": ("9", "ENSG00000171428"),
    "NDC80": ("10403", "ENSG00000080986"),
    "NUF2": ("83540", "ENSG00000143228"),
    "ORC6": ("23594", "ENSG00000091651"),
    "PGR": ("5241", "ENSG00000082175"),
    "PHGDH": ("26227", "ENSG00000092621"),
    "PTTG1": ("9232", "ENSG00000164611"),
    "RRM2": ("6241", "ENSG00000171848"),
    "SFRP1": ("6422", "ENSG00000104332"),
    "SLC39A6": ("25800", "ENSG00000141424"),
    "TMEM45B": ("120224", "ENSG00000151715"),
    "TYMS": ("7298", "ENSG00000176890"),
    "UBE2C": ("11065", "ENSG00000175063"),
    "UBE2T": ("29089", "ENSG00000077152"),
}  # fmt: skip

# Of the symbols that a gene once had, those that no other gene has or had.
ALIASES = {
    "API4": "BIRC5", "BLVR": "BLVRA", "CDCA1": "NUF2", "FKHL7": "FOXC1",
    "FLJ10540": "CEP55", "HEC1": "NDC80", "HNF3A": "FOXA1", "KNSL6": "KIF2C", "KNTC2": "NDC80",
    "NUF2R": "NUF2", "ORC6L": "ORC6", "STMY3": "MMP11", "UBCH10": "UBE2C",
}  # fmt: skip

ENTREZ = {entrez: symbol for symbol, (entrez, _) in IDENTIFIERS.items()}
ENSEMBL = {ensembl: symbol for symbol, (_, ensembl) in IDENTIFIERS.items()}


def current_symbol(name: str) -> str:
    """The symbol in use today; of a gene that is not of PAM50, the name without its decoration.

    Args:
        name: A symbol, an Entrez identifier, an Ensembl identifier with or without its version, or
            symbol and Entrez identifier with a bar between, as in older files of TCGA.

    Example:
        >>> [current_symbol(name) for name in ("KNTC2", "2099", "ENSG00000091831.20", "?|2099")]
        ['NDC80', 'ESR1', 'ESR1', 'ESR1']
        >>> current_symbol("GATA3|2625"), current_symbol("ENSG00000107485.18")
        ('GATA3', 'ENSG00000107485')
    """
    symbol, bar, entrez = name.partition("|")
    if bar and entrez.isdecimal():
        return ENTREZ.get(entrez) or current_symbol(symbol if symbol not in {"", "?"} else entrez)
    if name.startswith("ENSG"):
        identifier = name.partition(".")[0]
        return ENSEMBL.get(identifier, identifier)
    return ENTREZ.get(name) or ALIASES.get(name, name)
