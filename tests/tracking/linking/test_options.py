import pytest
from pydantic import ValidationError

from tracking.dpht.cell import MAX_STEP
from tracking.linking import LinkingOptions


def test_every_option_is_described():
    assert all(field.description for field in LinkingOptions.model_fields.values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"search_radius": 0},
        {"search_radius": float("nan")},
        {"search_radius": float("inf")},
        {"max_gap": -1},
        {"max_gap": 10**6},
        {"hypotheses": -1},
        {"hypotheses": 9},
        {"z_scale": 0},
        {"cutoff_percentile": 101},
        {"adaptive_step": 1},
        {"method": "hungarian"},
        {"radius": 5},
    ],
)
def test_values_out_of_range_are_refused(wrong):
    with pytest.raises(ValidationError) as caught:
        LinkingOptions(**wrong)
    assert [error["loc"] for error in caught.value.errors()] == [tuple(wrong)]


@pytest.mark.parametrize("method", ["recurrent", "trackpy", "nearest"])
@pytest.mark.parametrize("wrong", [{"gap_radius": 3}, {"cutoff_percentile": 90}])
def test_what_only_lap_can_do_is_refused_elsewhere(method, wrong):
    with pytest.raises(ValidationError, match="is for the method lap alone"):
        LinkingOptions(method=method, **wrong)
    LinkingOptions(method="lap", **wrong)


@pytest.mark.parametrize("branching", ["merging", "splitting"])
def test_particles_merge_and_split_with_two_of_the_methods(branching):
    for method in ("lap", "recurrent"):
        LinkingOptions(method=method, **{branching: True})
    with pytest.raises(ValidationError, match="is for the method lap or recurrent alone"):
        LinkingOptions(method="trackpy", **{branching: True})


def test_a_gap_of_one_frame_is_bridged_unless_another_is_given():
    assert [LinkingOptions(max_gap=given).longest_gap for given in (None, 0, 7)] == [1, 0, 7]


def test_the_recurrent_tracker_bridges_no_longer_gaps_than_its_network_knows():
    LinkingOptions(method="recurrent", max_gap=MAX_STEP - 1)
    with pytest.raises(ValidationError, match=f"must be at most {MAX_STEP - 1} with the method recurrent"):
        LinkingOptions(method="recurrent", max_gap=MAX_STEP)
    LinkingOptions(method="lap", max_gap=MAX_STEP)


def test_defaults_may_be_spelled_out_for_any_method():
    for method in ("nearest", "recurrent"):
        LinkingOptions(**LinkingOptions(method=method).model_dump())
    with pytest.raises(ValidationError, match="is for the method recurrent alone"):
        LinkingOptions(method="lap", hypotheses=2)
    with pytest.raises(ValidationError, match="is for the method trackpy-adaptive alone"):
        LinkingOptions(method="trackpy", adaptive_stop=1)
