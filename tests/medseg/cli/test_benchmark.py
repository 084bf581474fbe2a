import csv
import json
import shutil

import pytest
import tifffile

from tracking.io import read_tracks
from tracking.io.challenge_xml import write_challenge_xml
from tracking.metrics import score_tracks
from tracking.simulation import simulate

# As the challenge lists them.
MOVIES = [("vesicle", "low", 2), ("vesicle", "low", 7), ("receptor", "mid", 4), ("virus", "low", 7)]
PARTICLES = {"low": 10, "mid": 25}


def write_movie(root, scenario, density, snr):
    """A simulated movie in the layout of the challenge: ``VIRUS/VIRUS snr 7 density low/... t000 z0.tif``."""
    size = (10, 64, 64) if scenario == "virus" else (96, 96)
    movie = simulate(
        scenario, density=PARTICLES[density], snr=snr, seed=5, overrides={"n_frames": 10, "frame_shape": size}
    )
    name = f"{scenario.upper()} snr {snr} density {density}"
    folder = root / scenario.upper() / name
    folder.mkdir(parents=True)
    for t, frame in enumerate(movie):
        for z, plane in enumerate(frame.reshape(-1, *size[-2:])):
            tifffile.imwrite(folder / f"{name} t{t:03d} z{z}.tif", plane)
    truth = root / "ground_truth" / f"{name}.xml"
    truth.parent.mkdir(exist_ok=True)
    write_challenge_xml(truth, movie.truth, snr=str(snr), density=density, scenario=scenario.upper())
    return truth


@pytest.fixture(scope="module")
def challenge(tmp_path_factory):
    root = tmp_path_factory.mktemp("challenge")
    for labels in MOVIES:
        write_movie(root, *labels)
    return root


@pytest.fixture
def copy(challenge, tmp_path):
    """A copy of which files may be changed, with one movie in two dimensions."""
    shutil.copytree(challenge / "VESICLE", tmp_path / "ptc" / "VESICLE")
    shutil.copytree(challenge / "ground_truth", tmp_path / "ptc" / "ground_truth")
    return tmp_path / "ptc"


def test_every_movie_is_scored_once_with_every_linker(medseg, challenge, tmp_path):
    result = medseg("benchmark", "ptc", challenge, "-o", tmp_path, "--linkers", "lap,nearest", "--no-log", "--json")

    assert result.code == 0, result.err
    content = json.loads(result.out)
    assert [(row["scenario"], row["density"], row["snr"], row["linker"]) for row in content["results"]] == [
        (*labels, linker) for labels in MOVIES for linker in ("lap", "nearest")
    ]
    assert not content["warnings"]
    for row in content["results"]:
        assert row["snr"] == 2 or row["alpha"] > 0.5
        # The tracks are there, for the challenge's own program to score them.
        name = f"{row['scenario'].upper()} snr {row['snr']} density {row['density']}.xml"
        tracks = read_tracks(tmp_path / "tracks" / row["linker"] / name)
        score = score_tracks(read_tracks(challenge / "ground_truth" / name), tracks)
        assert score.alpha == pytest.approx(row["alpha"], abs=1e-9)
        assert ("z" in tracks.spots) == (row["scenario"] == "virus")
    with (tmp_path / "results.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [float(row["alpha"]) for row in table] == [row["alpha"] for row in content["results"]]
    assert (tmp_path / "alpha.png").stat().st_size > 20_000
    assert not (tmp_path / ".medseg-work").exists()
    assert not (tmp_path / ".medseg-lock").exists()


def untrained(path, seed):
    """Weights of the recurrent tracker, of whatever worth."""
    import torch

    from tracking.dpht.network import TrackNetwork
    from tracking.dpht.weights import save_weights

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        save_weights(path, TrackNetwork(8))
    return path


def test_the_recurrent_tracker_and_its_weights(medseg, copy, tmp_path):
    options = ("benchmark", "ptc", copy, "-o", tmp_path / "out", "--snr", "7", "--no-log", "--json")
    one, other = (untrained(tmp_path / f"{seed}.pt", seed) for seed in (1, 2))

    first = medseg(*options, "--bundle", one)

    assert first.code == 0, first.err
    assert [row["linker"] for row in json.loads(first.out)["results"]] == ["recurrent"]  # by default
    both = medseg(*options, "--bundle", one, "--linkers", "nearest,recurrent")
    assert [row["linker"] for row in json.loads(both.out)["results"]] == ["nearest", "recurrent"]
    assert json.loads(both.out)["results"][1] == json.loads(first.out)["results"][0]
    changed = medseg(*options, "--bundle", other)
    assert changed.code == 2
    assert "has results of recurrent by another version of medseg or with other options" in changed.err
    # What the weights have no part in stands.
    assert medseg(*options, "--linkers", "nearest").code == 0
    useless = medseg(*options, "--linkers", "nearest", "--bundle", other)
    assert useless.code == 2
    assert "--bundle is for the linker recurrent alone" in useless.err


def test_it_says_what_it_is_not(medseg, challenge, tmp_path):
    result = medseg(
        "benchmark", "ptc", challenge, "-o", tmp_path, "--scenarios", "receptor", "--linkers", "lap", "--no-log"
    )

    assert result.code == 0, result.err
    assert "no official results" in result.err
    assert "may not be redistributed" in result.err
    assert "no official results" in json.loads((tmp_path / "results.json").read_text())["note"]
    for word in ("receptor", "mid", "4", "alpha", "beta", "jsc", "jsc_theta", "rmse"):
        assert word in result.out


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--scenarios", "vesicle", "--snr", "7"), [("vesicle", "low", 7)]),
        (("--scenarios", "receptor, virus", "--densities", "mid"), [("receptor", "mid", 4)]),
    ],
)
def test_some_movies(medseg, challenge, tmp_path, options, expected):
    result = medseg(
        "benchmark", "ptc", challenge, "-o", tmp_path, "--linkers", "nearest", *options, "--no-log", "--json"
    )

    rows = json.loads(result.out)["results"]
    assert [(row["scenario"], row["density"], row["snr"]) for row in rows] == expected


def test_a_killed_benchmark_goes_on_where_it_was(medseg, copy, tmp_path, monkeypatch):
    import tracking.track_movie

    options = ("benchmark", "ptc", copy, "-o", tmp_path / "out", "--linkers", "nearest,lap", "--no-log", "--json")
    real, n_calls = tracking.track_movie.track_movie, 0

    def killed_at_the_third(*arguments, **named):
        nonlocal n_calls
        n_calls += 1
        if n_calls == 3:
            raise KeyboardInterrupt
        return real(*arguments, **named)

    monkeypatch.setattr(tracking.track_movie, "track_movie", killed_at_the_third)
    assert medseg(*options).code != 0
    before = json.loads((tmp_path / "out" / "results.json").read_text())["results"]
    assert [row["linker"] for row in before] == ["lap", "nearest"]

    result = medseg(*options)

    assert result.code == 0, result.err
    assert n_calls == 5  # the two that were left
    rows = json.loads(result.out)["results"]
    assert [(row["snr"], row["linker"]) for row in rows] == [(2, "nearest"), (2, "lap"), (7, "nearest"), (7, "lap")]
    assert all(row in rows for row in before)
    # All is known now.
    assert json.loads(medseg(*options).out)["results"] == rows
    assert n_calls == 5
    assert medseg(*options, "--overwrite", "--linkers", "nearest", "--snr", "7").code == 0
    assert n_calls == 6
    assert len(json.loads((tmp_path / "out" / "results.json").read_text())["results"]) == 1


def test_what_has_changed_is_scored_again(medseg, copy, tmp_path):
    options = ("benchmark", "ptc", copy, "-o", tmp_path / "out", "--linkers", "nearest", "--no-log", "--json")
    first = json.loads(medseg(*options).out)["results"]
    truth = copy / "ground_truth" / "VESICLE snr 7 density low.xml"
    lines = truth.read_text().splitlines()
    end = lines.index("</particle>")
    truth.write_text("\n".join(lines[:3] + lines[end + 1 :]))  # one particle fewer

    second = json.loads(medseg(*options).out)["results"]

    assert second[0] == first[0]
    assert second[1]["n_reference"] == first[1]["n_reference"] - 1
    # Other options: what is there would stand beside what they give.
    other = medseg(*options, "--device", "cpu")
    assert other.code == 2
    assert "--overwrite" in other.err
    assert json.loads((tmp_path / "out" / "results.json").read_text())["results"] == second


def test_incomplete_movies_are_named_and_the_others_scored(medseg, copy, tmp_path):
    movie = copy / "VESICLE" / "VESICLE snr 7 density low"
    for file in movie.glob("* t009 *.tif"):  # the last frame, which no name tells
        file.unlink()
    (copy / "ground_truth" / "VESICLE snr 4 density low.xml").write_text("<root>")
    result = medseg("benchmark", "ptc", copy, "-o", tmp_path / "out", "--linkers", "nearest", "--no-log", "--json")

    assert result.code == 1
    assert [row["snr"] for row in json.loads(result.out)["results"]] == [2]
    assert "goes to frame 9" in result.err
    assert "has only 9 frames" in result.err
    assert "not well-formed" in result.err
    assert "RECEPTOR snr 4 density mid has a truth" in result.err
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["status"] == "FAILED"
    # The incomplete one, and those that have only a truth, be it damaged: VESICLE 4, RECEPTOR and VIRUS.
    assert (record["metrics"]["movies"], record["metrics"]["movies_left_out"]) == (1, 4)


def test_only_movies_that_were_asked_for_count_as_left_out(medseg, copy, tmp_path):
    # Warnings of no movie: results of before, and a second copy of a movie.
    (copy / "before").mkdir()
    (copy / "before" / "run.json").write_text("{}")
    shutil.copytree(copy / "VESICLE", copy / "again")
    options = ("--linkers", "nearest", "--snr", "7", "--no-log", "--json")

    result = medseg("benchmark", "ptc", copy, "-o", tmp_path / "out", *options)

    assert result.code == 0, result.err
    assert len(json.loads(result.out)["warnings"]) == 5
    metrics = json.loads((tmp_path / "out" / "run.json").read_text())["metrics"]
    # Of the virus, SNR 7, there is a truth alone, and so of the receptor, SNR 4.
    assert (metrics["movies"], metrics["movies_left_out"]) == (1, 1)


def test_a_movie_with_a_damaged_frame_is_not_scored_and_the_remedy_is_one_that_there_is(medseg, copy, tmp_path):
    (copy / "VESICLE" / "VESICLE snr 7 density low" / "VESICLE snr 7 density low t004 z0.tif").write_bytes(b"damaged")

    result = medseg("benchmark", "ptc", copy, "-o", tmp_path / "out", "--linkers", "nearest", "--no-log", "--json")

    assert result.code == 1
    assert [row["snr"] for row in json.loads(result.out)["results"]] == [2]
    assert "frame 4 of `VESICLE snr 7 density low` cannot be read" in result.err
    assert "a movie is scored with all its frames, so get that file anew" in result.err
    assert "--skip-bad-frames" not in result.err


def test_movies_without_truth_are_no_failure(medseg, copy, tmp_path):
    (copy / "ground_truth" / "VESICLE snr 7 density low.xml").unlink()

    result = medseg("benchmark", "ptc", copy, "-o", tmp_path / "out", "--linkers", "nearest", "--no-log")

    assert result.code == 0
    assert "VESICLE snr 7 density low has no truth" in result.err


def test_the_run_holds_the_measures_and_no_path(medseg, copy, tmp_path, logged, store):
    options = ("--linkers", "nearest", "--snr", "7")
    assert medseg("benchmark", "ptc", copy, "-o", tmp_path / "out", *options).code == 0

    (run,) = logged()
    assert run.info.status == "FINISHED"
    assert run.data.metrics["nearest_vesicle_low_snr7_alpha"] > 0.5
    assert run.data.metrics["nearest_alpha_mean"] == run.data.metrics["nearest_vesicle_low_snr7_alpha"]
    artifacts = {
        item.path for folder in ("figures", "tables") for item in store.list_artifacts(run.info.run_id, folder)
    }
    assert artifacts == {"figures/alpha.png", "tables/results.json"}
    assert str(copy) not in str(run.data)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--linkers", "laap"), "did you mean `lap`?"),
        (("--scenarios", "vesicles"), "did you mean `vesicle`?"),
        (("--densities", "medium"), "there are low, mid, high"),
        (("--snr", "four"), "--snr must be whole numbers from 1 to 99 with commas between them, got `four`"),
        (("--snr", ","), "with commas between them"),
        (("--snr", "3"), "none of the 2 movies"),
        (("--bundle", "particle_traker"), "did you mean"),
    ],
)
def test_wrong_options(medseg, copy, tmp_path, options, sentence):
    result = medseg("benchmark", "ptc", copy, "-o", tmp_path / "out", *options, "--no-log")

    assert result.code == 2
    assert sentence in result.err.splitlines()[-1]
    assert not (tmp_path / "out" / "results.json").exists()


def test_a_folder_of_something_else(medseg, tmp_path):
    (tmp_path / "data").mkdir()
    result = medseg("benchmark", "ptc", tmp_path / "data", "-o", tmp_path / "out", "--no-log")
    assert result.code == 2
    assert "VESICLE snr 7 density mid t000 z0.tif" in result.err

    (tmp_path / "out").mkdir(exist_ok=True)
    (tmp_path / "out" / "results.json").write_text('{"mine": 1}')
    write_movie(tmp_path / "data", "vesicle", "low", 7)
    other = medseg("benchmark", "ptc", tmp_path / "data", "-o", tmp_path / "out", "--linkers", "nearest", "--no-log")
    assert other.code == 2
    assert "holds no results of this benchmark" in other.err
    assert (tmp_path / "out" / "results.json").read_text() == '{"mine": 1}'
