import pickle
from contextlib import suppress
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracking.dpht.weights import FORMAT, load_weights, save_weights
from tracking.errors import TrackingError


@pytest.fixture
def content(untrained):
    network = untrained()
    return {"format": FORMAT, "settings": network.settings, "state": network.state_dict()}


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_what_is_written_is_read_back(tmp_path, untrained, kind):
    network = untrained(kind, hidden=7)
    save_weights(tmp_path / "model.pt", network)
    again = load_weights(tmp_path / "model.pt")
    assert again.settings == network.settings
    assert not again.training
    for (name, found), (_, expected) in zip(again.state_dict().items(), network.state_dict().items(), strict=True):
        assert torch.equal(found, expected), name


def test_saving_over_a_file_leaves_nothing_else(tmp_path, untrained):
    for _ in range(2):
        save_weights(tmp_path / "model.pt", untrained())
    assert [one.name for one in tmp_path.iterdir()] == ["model.pt"]


def test_saving_where_there_is_no_folder(tmp_path, untrained):
    with pytest.raises(TrackingError, match="could not be written"):
        save_weights(tmp_path / "absent" / "model.pt", untrained())


def test_no_file(tmp_path):
    with pytest.raises(TrackingError, match="there are no weights at"):
        load_weights(tmp_path / "model.pt")


def test_a_folder(tmp_path):
    with pytest.raises(TrackingError, match="holds no weights"):
        load_weights(tmp_path)


def refused(path: Path, content, sentence):
    torch.save(content, path)
    with pytest.raises(TrackingError, match=sentence):
        load_weights(path)


@pytest.mark.parametrize("number", [FORMAT + 1, 0, None, "1", [1], True, torch.ones(1), torch.ones(2)])
def test_weights_of_another_format(tmp_path, content, number):
    refused(tmp_path / "model.pt", {**content, "format": number}, "format|holds no weights")


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one["state"],
        lambda one: {"state": one["state"]},
        lambda one: {**one, "more": 1},
        lambda one: [one],
        lambda one: 3,
        lambda one: None,
    ],
)
def test_files_that_hold_something_else(tmp_path, content, change):
    refused(tmp_path / "model.pt", change(content), "holds no weights of the recurrent tracker")


@pytest.mark.parametrize(
    "change",
    [
        {"hidden": 13},
        {"hidden": "12"},
        {"hidden": -1},
        {"hidden": 10**12},
        {"cell": "lstm"},
        {"cell": "rnn"},
        {"depth": 3},
    ],
)
def test_settings_that_do_not_fit(tmp_path, content, change):
    refused(tmp_path / "model.pt", {**content, "settings": {**content["settings"], **change}}, "do not fit")


@pytest.mark.parametrize("settings_", [None, [], "hidden"])
def test_settings_that_are_none(tmp_path, content, settings_):
    refused(tmp_path / "model.pt", {**content, "settings": settings_}, "do not fit")


@pytest.mark.parametrize(
    "change",
    [
        lambda state: {},
        lambda state: [],
        lambda state: {**state, "further": torch.ones(1)},
        lambda state: {name: one for name, one in state.items() if name != "past.read.weight"},
        lambda state: {**state, "past.read.weight": state["past.read.weight"][:, 1:]},
        lambda state: {**state, "past.read.weight": 1.0},
    ],
)
def test_a_state_that_does_not_fit(tmp_path, content, change):
    refused(tmp_path / "model.pt", {**content, "state": change(content["state"])}, "do not fit")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite(tmp_path, content, value):
    state = {name: one.clone() for name, one in content["state"].items()}
    state["judge_both.last.bias"][0] = value
    refused(tmp_path / "model.pt", {**content, "state": state}, "not finite")


class Intruder:
    """Would make a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_code_in_a_file_does_not_run(tmp_path, content):
    mark = tmp_path / "ran"
    for write in (
        lambda one: torch.save(one, tmp_path / "model.pt"),
        lambda one: (tmp_path / "model.pt").write_bytes(pickle.dumps(one, 2)),
    ):
        write({**content, "settings": Intruder(mark)})
        with pytest.raises(TrackingError, match="damaged or holds no weights"):
            load_weights(tmp_path / "model.pt")
        assert not mark.exists()
    # It would have run.
    pickle.loads(pickle.dumps(Intruder(mark)))
    assert mark.exists()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9, 0.999])
def test_a_file_that_was_cut_off(tmp_path, untrained, share):
    path = tmp_path / "model.pt"
    save_weights(path, untrained())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(TrackingError, match="damaged or holds no weights"):
        load_weights(path)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60))
def test_any_other_file(tmp_path, text):
    (tmp_path / "model.pt").write_bytes(text)
    with pytest.raises(TrackingError, match=r"model\.pt"):
        load_weights(tmp_path / "model.pt")


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_file_with_wrong_bytes_is_refused_or_read(tmp_path, untrained, data):
    # Wrong bytes within the numbers cannot be seen; anywhere else they must not end in a traceback.
    path = tmp_path / "model.pt"
    if not (tmp_path / "whole.pt").exists():
        save_weights(tmp_path / "whole.pt", untrained(hidden=2))
    whole = bytearray((tmp_path / "whole.pt").read_bytes())
    begin = whole.index(b"data.pkl")
    for place in data.draw(st.lists(st.integers(begin, begin + 1500), min_size=1, max_size=4)):
        whole[place] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(whole))
    with suppress(TrackingError):
        load_weights(path)


def test_sentences_name_the_file_and_not_its_folder(tmp_path, content):
    torch.save({**content, "format": FORMAT + 1}, tmp_path / "model.pt")
    with pytest.raises(TrackingError) as caught:
        load_weights(tmp_path / "model.pt")
    assert "`model.pt`" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


@given(place=st.integers(0, 2**32 - 1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
def test_a_damaged_file_never_loads_as_other_weights(tmp_path, untrained, place):
    network = untrained()
    save_weights(tmp_path / "model.pt", network)
    whole = bytearray((tmp_path / "model.pt").read_bytes())
    whole[place % len(whole)] ^= 0xFF
    (tmp_path / "damaged.pt").write_bytes(whole)
    try:
        loaded = load_weights(tmp_path / "damaged.pt")
    except TrackingError:
        return
    # A byte that nothing hangs on, such as padding.
    for (name, found), (_, expected) in zip(loaded.state_dict().items(), network.state_dict().items(), strict=True):
        assert torch.equal(found, expected), name


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e20])
def test_weights_that_no_training_gives(tmp_path, content, value):
    state = {name: torch.full_like(one, value) for name, one in content["state"].items()}
    refused(tmp_path / "model.pt", {**content, "state": state}, "not finite, or larger")


def test_weights_that_are_not_real(tmp_path, content):
    state = {name: one.to(torch.complex64) for name, one in content["state"].items()}
    refused(tmp_path / "model.pt", {**content, "state": state}, "do not fit")


@pytest.mark.parametrize("hidden", [0, -1, 10**6])
def test_a_width_that_would_take_all_memory(tmp_path, content, hidden):
    refused(tmp_path / "model.pt", {**content, "settings": {"hidden": hidden, "cell": "gru"}}, "do not fit")


def test_a_small_file_cannot_fill_the_memory(tmp_path, content):
    #  a packed part of zeros is a thousandth of what it unpacks to
    whole, packed = tmp_path / "whole.pt", tmp_path / "model.pt"
    torch.save({**content, "state": {**content["state"], "more": torch.zeros(10**6)}}, whole)
    with ZipFile(whole) as parts, ZipFile(packed, "w", ZIP_DEFLATED) as smaller:
        for part in parts.infolist():
            smaller.writestr(part.filename, parts.read(part))
    assert packed.stat().st_size < whole.stat().st_size / 3
    with pytest.raises(TrackingError, match="is damaged or holds no weights"):
        load_weights(packed)


def test_settings_are_numbers_and_names(tmp_path, content):
    settings = {**content["settings"], "hidden": torch.tensor(content["settings"]["hidden"])}
    refused(tmp_path / "model.pt", {**content, "settings": settings}, "do not fit")
