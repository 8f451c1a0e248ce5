from __future__ import annotations

import pytest

from data_modules.draw import draw
from data_modules.problems import BadInput


def test_so_many_of_each_with_events_in_their_share(load) -> None:
    cohort = load()
    drawn = draw(cohort, ["LumA=6", "LumB=4"], seed=0)
    assert drawn.table["subtype"].value_counts().to_dict() == {"LumA": 6, "LumB": 4}
    for name, number in (("LumA", 6), ("LumB", 4)):
        share = cohort.table.loc[cohort.table["subtype"] == name, "event"].mean()
        events = drawn.table.loc[drawn.table["subtype"] == name, "event"].sum()
        assert events == round(number * share)
    assert list(drawn.expression.index) == list(drawn.table.index)
    assert drawn.flow[-1] == ("drawn: 6 LumA and 4 LumB", 10)
    assert drawn.data_hash != cohort.data_hash


def test_a_draw_is_a_function_of_its_seed(load) -> None:
    cohort = load()
    one, again, other = (draw(cohort, ["LumA=5"], seed=s) for s in (1, 1, 2))
    assert list(one.table.index) == list(again.table.index)
    assert one.data_hash == again.data_hash
    assert list(one.table.index) != list(other.table.index)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (["LumA=11"], "the cohort has 10 patients of LumA"),
        (["Lum-A=3"], "has 0 patients of Lum-A; did you mean LumA?"),
        (["LumA"], "'LumA' is not a subtype and a number"),
        (["LumA=0"], "'LumA=0' is not"),
        (["LumA=99", "LumB=99"], "2 problems"),
    ],
)
def test_what_cannot_be_drawn_is_refused(load, wanted, words) -> None:
    with pytest.raises(BadInput) as error:
        draw(load(), wanted, seed=0)
    assert words in str(error.value)
