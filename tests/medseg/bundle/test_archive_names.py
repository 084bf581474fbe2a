import unicodedata
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg.bundle.archive_names import require_plain_names

PARTS = st.text(st.sampled_from("abAB.. ~:\\/\0\nü"), min_size=1, max_size=4)
NAMES = st.lists(PARTS, min_size=1, max_size=4).map("/".join)


def is_plain(names: list[str]) -> bool:
    try:
        require_plain_names(names)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("/etc/passwd", "absolute"),
        ("//host/share", "absolute"),
        ("../evil", "leads out"),
        ("a/../../evil", "leads out"),
        ("a/..", "leads out"),
        ("a\\..\\evil", "not a plain one"),
        ("\\\\host\\share", "not a plain one"),
        ("C:/evil", "not a plain one"),
        ("C:evil", "not a plain one"),
        ("a/./b", "not a plain one"),
        ("a//b", "not a plain one"),
        ("", "not a plain one"),
        ("a/.. ", "not a plain one"),
        ("a/...", "not a plain one"),
        ("a/b\0.yaml", "not a plain one"),
        ("a/b\nc", "not a plain one"),
        ("a/\u202eb", "not a plain one"),
        ("a/\udc80", "not a plain one"),
        ("a/b?", "not a plain one"),
    ],
)
def test_a_name_that_is_more_than_a_name_is_refused(name: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        require_plain_names(["a/first", name])


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a/b", "a/b"], "'a/b' comes twice"),
        (["a/b", "a/B"], "'a/b' and 'a/B' are the same on many systems"),
        (["a/b/c", "A/b/d"], "'a' and 'A' are the same"),
        (["a/stra\u00dfe", "a/STRASSE"], "are the same"),
        ([unicodedata.normalize(form, "a/\u00fc") for form in ("NFC", "NFD")], "are the same"),
        (["a/b", "a/b/c"], "'a/b' is both a file and a folder"),
        (["a/b/", "a/b"], "'a/b' is both"),
    ],
)
def test_names_that_cannot_lie_in_one_folder_are_refused(names: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        require_plain_names(names)


def test_names_of_a_bundle_are_plain() -> None:
    require_plain_names(
        ["b/", "b/configs/", "b/configs/", "b/configs/metadata.json", "b/.gitignore", "b/docs/\u00fc 1.md"]
    )


@given(st.lists(NAMES, max_size=4))
def test_what_is_let_through_stays_inside_on_every_system(names: list[str]) -> None:
    if not is_plain(names):
        return
    for name in names:
        for flavour in (PurePosixPath, PureWindowsPath):
            path = flavour(name)
            assert not path.is_absolute()
            assert not path.drive
            assert not path.root
            assert ".." not in path.parts
            assert path.parts == tuple(name.removesuffix("/").split("/"))
    files = [name for name in names if not name.endswith("/")]
    assert len({name.lower() for name in files}) == len(files)


@given(st.lists(NAMES, max_size=4))
def test_order_does_not_matter(names: list[str]) -> None:
    assert is_plain(names) == is_plain(names[::-1])
