import pytest
from pydantic import BaseModel, Field, field_validator

from tracking.errors import OptionError
from tracking.validation import checked, did_you_mean


class Box(BaseModel, extra="forbid"):
    width: float = Field(gt=0)
    name: str = "box"
    is_open: bool = False

    @field_validator("is_open")
    @classmethod
    def _is_shut(cls, value: bool) -> bool:
        if value:
            raise ValueError("is for boxes with a lid alone")
        return value


def test_good_values_pass():
    assert checked(Box, {"width": 3}) == Box(width=3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"width": 0}, "`width` must be greater than 0, got 0"),
        ({"width": 1, "name": ["x" * 999]}, r"`name` must be a valid string, got \['x+\.\.\."),
        ({"width": 1, "is_open": True}, "`is_open` is for boxes with a lid alone$"),
        ({}, "the option `width` is missing"),
        ({"width": 1, "nam": "a"}, "there is no option `nam`: did you mean `name`?"),
    ],
)
def test_bad_ones_give_one_sentence(values, message):
    with pytest.raises(OptionError, match=message) as caught:
        checked(Box, values)
    assert len(str(caught.value)) < 120


def test_did_you_mean():
    assert did_you_mean("vesicl", ["virus", "vesicle"]) == ": did you mean `vesicle`?"
    assert did_you_mean("zebra", ["virus", "vesicle"]) == ": there are virus, vesicle"
