from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from medseg.bundle.evaluate import CaseScore
from medseg.cli import log_comparison
from medseg.cli.case_picture import take_picture
from medseg.cli.compare_cases import ComparedCase, Comparison
from medseg.cli.compare_content import comparison_content
from medseg.cli.compare_figure import save_compare_figure
from medseg.cli.compare_table import comparison_markdown, comparison_table
from medseg.cli.draw_picture import outlines
from medseg.cli.serve_bundle import BundleFacts
from medseg.io import Image
from medseg.metrics import score_case, score_instances
from medseg.training.dataset import Case

FACTS = BundleFacts("1.0.0", "0" * 64, 1000, 10, "cpu", 1, 10)


def made_up(n: int, labels: dict[str, np.ndarray], reference: np.ndarray, seconds: dict[str, float]) -> Comparison:
    """A comparison over n like images of objects; `labels` are what the bundles say of each."""
    image = Image(reference[np.newaxis].astype(np.float32), np.eye(3), ".png")
    scores = {
        name: CaseScore(
            score_case((label > 0).astype(np.uint8), (reference > 0).astype(np.uint8), (1, 1), {1: "nucleus"}),
            None,
            score_instances(label, reference),
        )
        for name, label in labels.items()
    }
    cases = [ComparedCase(Case(f"c{i}", Path(), Path(), "test"), scores, seconds) for i in range(n)]
    peaks = dict.fromkeys(labels, 20)
    worst = [(cases[0], take_picture(image, reference, labels))]
    return Comparison(cases, memory_peak_bytes=peaks, worst=worst)


@pytest.fixture
def nuclei() -> Comparison:
    """Two nuclei; one bundle finds both, the other sees one where there are two and takes twice the time."""
    reference = np.zeros((16, 20), np.int32)
    reference[3:9, 3:9], reference[3:9, 9:15] = 1, 2
    merged = (reference > 0).astype(np.int32)
    return made_up(8, {"old": merged, "new": reference}, reference, {"old": 2.0, "new": 1.0})


def content_of(comparison: Comparison, groups: dict[str, str] | None = None) -> dict:
    settings = {"tolerance_mm": 1.0, "command": "medseg compare"}
    return comparison_content(comparison, {"old": FACTS, "new": FACTS}, settings, groups)


def test_objects_are_compared_by_average_precision_and_panoptic_quality(nuclei, tmp_path):
    content = content_of(nuclei, {"c0": "bright", "c1": "bright"})

    found = {row["measure"]: row for row in content["differences"]}
    old, new = nuclei.cases[0].scores["old"].instances, nuclei.cases[0].scores["new"].instances
    assert (found["ap50"]["mean"], found["pq"]["mean"]) == (new.ap50 - old.ap50, new.pq - old.pq)
    assert found["ap50"]["verdict"] == "better"
    assert found["dice"]["verdict"] == "no difference shown"
    assert [bundle["speed_ratio"] for bundle in content["bundles"]] == [1, 2]
    assert content["bundles"][1]["objects"]["ap50_mean"] == 1
    assert content["groups"]["bright"]["n"] == 2
    rows = {row[0]: row[1:] for row in comparison_table(content)}
    assert rows["objects: AP at IoU .5, mean"] == ["0.500", "1.000"]
    assert rows["bright, 2 cases: objects: AP at IoU .5, difference"][1].endswith("too few cases")
    assert comparison_markdown(content).count("\n|") == len(rows) + 1

    save_compare_figure(
        tmp_path / "a.png", nuclei, content["differences"], {"old": "a | name " * 9, "new": "new"}, names_cases=True
    )
    assert (tmp_path / "a.png").stat().st_size > 10_000


def test_what_is_undefined_for_all_is_drawn_and_told_all_the_same(tmp_path):
    empty = np.zeros((16, 20), np.int32)
    comparison = replace(made_up(2, {"old": empty, "new": empty}, empty, {"old": 1.0, "new": 1.0}), worst=[])
    content = content_of(comparison)
    assert {row["verdict"] for row in content["differences"]} == {"too few cases"}
    assert "n 0: too few cases" in comparison_markdown(content)
    save_compare_figure(
        tmp_path / "a.png", comparison, content["differences"], {"old": "old", "new": "new"}, names_cases=True
    )
    assert comparison.cases[0].quality is None


def test_outlines_run_along_the_edges_of_pixels():
    # 0 0 0
    # 0 1 2    eight edges: three round 1, three round 2 and one between them, two of 2 on the border
    label = np.array([[0, 0, 0], [0, 1, 2]])
    found = {tuple(map(tuple, segment)) for segment in outlines(label)}
    assert found == {
        ((0.5, 0.5), (0.5, 1.5)),
        ((1.5, 0.5), (1.5, 1.5)),
        ((2.5, 0.5), (2.5, 1.5)),
        ((0.5, 0.5), (1.5, 0.5)),
        ((1.5, 0.5), (2.5, 0.5)),
        ((0.5, 1.5), (1.5, 1.5)),
        ((1.5, 1.5), (2.5, 1.5)),
    }


def test_a_volume_is_shown_by_the_slice_with_most_of_the_reference_whatever_its_orientation():
    # Voxels of 1 x 2 x 4 mm, stored as L, P, I: the slice is across the last axis, the front is up.
    reference = np.zeros((30, 20, 9), np.uint8)
    reference[10:14, 5:8, 2:7] = 1
    reference[10:14, 5:9, 6] = 1
    image = Image(np.arange(30 * 20 * 9, dtype=np.float32).reshape(1, 30, 20, 9), np.diag([-1.0, -2, -4, 1]), ".nii.gz")
    picture = take_picture(image, reference, {"one": np.zeros_like(reference)})

    assert picture.aspect == 2
    assert picture.image.shape == picture.reference.shape == picture.labels["one"].shape == (10, 10)
    assert picture.reference.sum() == 16
    # The voxel axes run to the left and the back, the picture's to the right and, from the top, to the back.
    assert (np.diff(picture.image, axis=1) <= 0).all()
    assert (np.diff(picture.image, axis=0) >= 0).all()


def test_the_figure_beside_the_outputs_names_the_worst_cases_and_the_logged_one_none(nuclei, tmp_path, monkeypatch):
    monkeypatch.setitem(mpl.rcParams, "svg.fonttype", "none")
    content = content_of(nuclei)
    texts = []

    class Logged:
        """A run that reads its figure, drawn as text."""

        def __getattr__(self, _):
            return lambda *_: None

        def log_figure(self, path):
            texts.append(path.read_text())

    names = {"old": "old", "new": "new"}
    save_compare_figure(tmp_path / "a.svg", nuclei, [], names, names_cases=True)
    assert ">c0<" in (tmp_path / "a.svg").read_text()
    draw = log_comparison.save_compare_figure

    def as_text(path, *arguments, **options):
        draw(path.with_suffix(".svg"), *arguments, **options)
        path.with_suffix(".svg").rename(path)

    monkeypatch.setattr(log_comparison, "save_compare_figure", as_text)
    log_comparison.log_comparison(Logged(), content, nuclei, names)
    assert "worst 1" in texts[0]
    assert ">c0<" not in texts[0]
