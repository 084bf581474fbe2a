from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg.errors import UserError
from medseg.training.patients import read_patients


def test_every_case_has_the_patient_of_its_row(tmp_path: Path) -> None:
    assert read_patients(tmp_path, ["a"]) is None
    (tmp_path / "patients.csv").write_text('\ufeffcase,age,patient\na,3,"Meier, Ida"\nb,4,Kim\n', encoding="utf-8")
    assert read_patients(tmp_path, ["b", "a"]) == {"a": "Meier, Ida", "b": "Kim"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no row for some cases: 2 of them, the first being a"),
        ("case,name\na,1\nb,2\n", "must have the columns case and patient, both filled; line 2 has not"),
        ("case,patient\na,1\nb,\n", "line 3 has not"),
        ("case,patient\na,1,2\n", "line 2 has not"),
        ("case,patient\na,1\na,2\n", "names a again in line 3"),
        ("case,patient\na,1\n", "has no row for some cases: 1 of them, the first being b"),
        ("case,patient\na,1\nb,1\nd,1\nc,1\n", "names cases that are not there: 2 of them, the first being c"),
        ('case,patient\na,"1\n', "must be a table in UTF-8"),
    ],
)
def test_a_table_that_does_not_fit_is_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "patients.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        read_patients(tmp_path, ["a", "b"])


@given(st.binary(max_size=60))
def test_any_bytes_are_a_table_or_one_sentence(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("patients")
    (folder / "patients.csv").write_bytes(content)
    with pytest.raises(UserError):
        read_patients(folder, ["a case that is not there"])
