import json

import pytest
import tifffile

from tracking.io import read_tracks

SMALL = ("--density", "20", "--frames", "6", "--size", "96", "--no-log")


@pytest.mark.parametrize("scenario", ["vesicle", "receptor", "microtubule", "virus"])
def test_a_movie_and_its_truth_are_written(medseg, tmp_path, scenario):
    result = medseg("simulate", scenario, "-o", tmp_path, "--json", *SMALL)

    assert result.code == 0, result.err
    summary = json.loads(result.out)
    movie, truth = tifffile.imread(tmp_path / "movie.tif"), read_tracks(tmp_path / "truth.xml")
    assert movie.shape == ((6, 10, 96, 96) if scenario == "virus" else (6, 96, 96))
    assert movie.dtype == "uint8"
    assert ("z" in truth.spots) is (scenario == "virus")
    assert summary["particles"] == truth.n_particles > 0
    assert summary["particles_per_frame"] == pytest.approx(20, abs=12)
    assert (tmp_path / "truth.png").stat().st_size > 10_000


def test_one_seed_is_one_movie_byte_for_byte(medseg, tmp_path):
    for folder, seed in (("one", 5), ("same", 5), ("other", 6)):
        assert medseg("simulate", "receptor", "-o", tmp_path / folder, "--seed", seed, *SMALL).code == 0

    one, same, other = ((tmp_path / name / "movie.tif").read_bytes() for name in ("one", "same", "other"))
    assert one == same != other
    one, same, other = ((tmp_path / name / "truth.xml").read_bytes() for name in ("one", "same", "other"))
    assert one == same != other


def test_the_run_tells_how_to_make_the_movie_again(medseg, tmp_path, logged):
    assert medseg("simulate", "vesicle", "-o", tmp_path, "--seed", 4, *SMALL[:-1]).code == 0

    (run,) = logged()
    assert run.data.tags["command"] == "simulate"
    assert run.data.params["seed"] == "4"
    assert run.data.params["simulation.motion.step"] == "[2.0, 2.0]"
    assert json.loads((tmp_path / "run.json").read_text())["status"] == "FINISHED"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("recepter",), "did you mean `receptor`?"),
        (("receptor", "--density", "crowded"), "low, mid, high"),
        (("receptor", "--density", "-3"), "--density must be above 0"),
        (("receptor", "--snr", "0"), "--snr must be"),
        (("receptor", "--frames", "0"), "--frames must be at least 1"),
        (("receptor", "--size", "1000000"), "pixels at most"),
    ],
)
def test_bad_options_are_one_sentence(medseg, tmp_path, arguments, sentence):
    result = medseg("simulate", *arguments, "-o", tmp_path / "out", "--no-log")

    assert result.code == 2
    assert sentence in result.err
    assert len(result.err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_movie_that_is_there_is_kept(medseg, tmp_path):
    assert medseg("simulate", "receptor", "-o", tmp_path, *SMALL).code == 0
    before = (tmp_path / "movie.tif").read_bytes()

    result = medseg("simulate", "receptor", "-o", tmp_path, "--seed", 9, *SMALL)
    assert result.code == 2
    assert "pass --overwrite" in result.err
    assert (tmp_path / "movie.tif").read_bytes() == before
    assert medseg("simulate", "receptor", "-o", tmp_path, "--seed", 9, "--overwrite", *SMALL).code == 0
    assert (tmp_path / "movie.tif").read_bytes() != before


def test_a_movie_too_small_for_a_particle_is_told(medseg, tmp_path):
    result = medseg("simulate", "vesicle", "--size", "3", "--frames", "4", "-o", tmp_path, "--no-log", "--json")

    assert result.code == 0, result.err
    assert json.loads(result.out)["particles"] == 0
    assert "warning: there is no particle in the movie" in result.err
