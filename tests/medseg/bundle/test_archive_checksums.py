import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg.bundle.archive_checksums import format_checksums, require_checksums

NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1)
DIGESTS = st.dictionaries(NAMES, st.binary().map(lambda content: hashlib.sha256(content).hexdigest()))


@given(DIGESTS)
def test_what_was_written_is_in_order(digests: dict[str, str]) -> None:
    require_checksums(format_checksums(digests), digests)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"a": "0" * 64}, "b was lost"),
        ({"a": "0" * 64, "b": "1" * 64, "c": "2" * 64}, "c was added"),
        ({"a": "0" * 64, "b": "2" * 64}, "b was changed"),
    ],
)
def test_every_difference_is_named(found: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=f"{said} since docs/checksums.txt was written"):
        require_checksums(format_checksums({"a": "0" * 64, "b": "1" * 64}), found)


@pytest.mark.parametrize("text", ["nonsense", "0" * 64, "0" * 63 + "  a"])
def test_a_damaged_list_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="damaged"):
        require_checksums(text, {})
