import json
import os
import stat
import threading
from pathlib import Path

import pytest

from medseg.errors import UserError
from medseg.runs.pseudonyms import Pseudonyms, user_key


@pytest.fixture
def pseudonyms() -> Pseudonyms:
    return Pseudonyms(bytes(32))


def test_a_case_has_one_pseudonym_which_depends_on_the_key(pseudonyms):
    pseudonym = pseudonyms.case("jane_doe")

    assert pseudonym == pseudonyms.case("jane_doe") == Pseudonyms(bytes(32)).case("jane_doe")
    assert pseudonym != Pseudonyms(b"1" * 32).case("jane_doe")
    assert pseudonym.startswith("case-")
    assert len(pseudonym) == len("case-") + 12
    assert pseudonyms.cases == {pseudonym: "jane_doe"}


@pytest.mark.parametrize(
    "value",
    [
        Path("/data/jane.nii"),
        Path("jane"),
        "/data/jane",
        "data/jane",
        "jane.nii.gz",
        "Jane Doe.TIF",
        "C:\\jane",
        "~/jane",
        "file:///jane",
        "",
    ],
)
def test_what_looks_like_a_path_is_dropped(pseudonyms, value):
    assert pseudonyms.scrub(value) == ("<path>" if value else "")


@pytest.mark.parametrize(
    "value", ["focusnet", "monai.networks.nets.UNet", "1.2.0", "@network#0", 3, 0.5, True, None, "cuda:0", "x" * 9999]
)
def test_other_values_stay(pseudonyms, value):
    assert pseudonyms.scrub(value) == value


def test_text_that_names_an_existing_file_is_dropped(pseudonyms, tmp_path, monkeypatch):
    (tmp_path / "jane").mkdir()
    monkeypatch.chdir(tmp_path)

    assert pseudonyms.scrub("jane") == "<path>"


def test_a_known_input_becomes_its_digest(pseudonyms):
    pseudonyms.add_input(Path("/data/jane.nii"), "ab" * 32)

    assert pseudonyms.scrub([Path("/data/jane.nii"), "/data/jane.nii"]) == ["ab" * 32] * 2


def test_inputs_that_hold_the_same_count_each(pseudonyms):
    pseudonyms.add_input(Path("a"), "ab")
    pseudonyms.add_input(Path("b"), "ab")

    assert pseudonyms.digests == ["ab", "ab"]
    assert pseudonyms.inputs == {"ab": "b"}


def test_known_cases_are_replaced_in_keys_and_values_as_words(pseudonyms):
    jane = pseudonyms.case("jane")
    one = pseudonyms.case("1")

    assert pseudonyms.scrub({"dice_jane": "janet", "all": ("jane_2", "1", "1.5", "11")}) == {
        f"dice_{jane}": "janet",
        "all": [f"{jane}_2", one, "1.5", "11"],
    }


def test_what_is_scrubbed_is_json(pseudonyms):
    scrubbed = pseudonyms.scrub({"a": float("nan"), "b": {1, 2}, 3: object, "c": float("inf")})

    assert json.loads(json.dumps(scrubbed, allow_nan=False)) == scrubbed
    assert scrubbed["a"] == "nan"


@pytest.mark.parametrize(
    ("sentence", "scrubbed"),
    [
        ("2 of 3 inputs failed", "2 of 3 inputs failed"),
        ("cannot read /data/Jane Doe/x.nii: no header", "cannot read <path>"),
        ("cannot read x.nii.gz of Jane Doe", "cannot read <path>"),
        ("cannot read /known/jane.nii: bad", "cannot read input abababababab: bad"),
        ("jane failed", "input abababababab failed"),
    ],
)
def test_a_sentence_ends_at_its_first_path(pseudonyms, sentence, scrubbed):
    pseudonyms.add_input(Path("/known/jane.nii"), "ab" * 32)

    assert pseudonyms.scrub_sentence(sentence) == scrubbed


def test_the_key_is_made_once_for_this_user_alone(tmp_path):
    keys = []
    threads = [threading.Thread(target=lambda: keys.append(user_key(tmp_path / "new"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(keys)) == 1
    assert len(keys) == 8
    assert len(keys[0]) == 32
    assert stat.S_IMODE((tmp_path / "new" / "pseudonyms.key").stat().st_mode) == 0o600


def test_a_broken_key_is_an_error(tmp_path):
    (tmp_path / "pseudonyms.key").write_bytes(b"short")

    with pytest.raises(UserError, match="must hold a key of 32 bytes, got 5"):
        user_key(tmp_path)


def test_a_name_that_is_not_utf8_is_replaced_like_any_other(pseudonyms):
    name = os.fsdecode(b"caf\xe9")
    pseudonym = pseudonyms.case(name)

    assert pseudonym != pseudonyms.case("caf")
    assert pseudonyms.scrub({"case": name, f"dice_{name}": 1}) == {"case": pseudonym, f"dice_{pseudonym}": 1}
    assert pseudonyms.scrub_sentence(f"{name} failed") == f"{pseudonym} failed"


def test_what_is_scrubbed_can_be_encoded(pseudonyms):
    name = os.fsdecode(b"caf\xe9")

    assert pseudonyms.scrub({name: [name]}) == {"caf\N{REPLACEMENT CHARACTER}": ["caf\N{REPLACEMENT CHARACTER}"]}
    assert pseudonyms.scrub_sentence(f"{name} failed") == "caf\N{REPLACEMENT CHARACTER} failed"
