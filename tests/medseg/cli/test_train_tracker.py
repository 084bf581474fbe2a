import json

import pytest

SMALL = {
    "hidden": 8,
    "max_iterations": 2,
    "iterations_per_epoch": 1,
    "val_interval": 2,
    "val_lessons": 1,
    "n_movies": 1,
    "n_frames": 5,
    "n_particles": 8,
}


def settings(values: dict[str, object]) -> list[str]:
    return [item for key, value in values.items() for item in ("--set", f"{key}={value}")]


def test_a_trained_tracker_is_complete_logged_and_resumable(medseg, logged, store, tmp_path):
    import torch

    threads = torch.get_num_threads()
    bundle = tmp_path / "mine"
    trained = medseg("train", "particle_tracker", "-o", bundle, *settings(SMALL), "--json")

    assert trained.code == 0, trained.err
    assert torch.get_num_threads() == threads
    assert json.loads(trained.out)["cases"] == {}
    assert json.loads(trained.out)["best"]["link_log_likelihood"] < 0
    assert (bundle / "models" / "model.pt").is_file()
    assert not (bundle / "docs" / "manifest.json").exists()
    metadata = json.loads((bundle / "configs" / "metadata.json").read_text())
    assert metadata["eval_metrics"] == {}
    assert metadata["data_source"] == "Simulated movies"
    assert "manifest" not in (bundle / "docs" / "README.md").read_text()
    (run,) = logged()
    assert run.info.status == "FINISHED"
    assert run.data.params["seed"] == "0"
    losses = {"train_loss", *(f"train_{name}" for name in ("links", "future", "expected", "real", "right"))}
    validated = {"link_log_likelihood", "future", "expected", "real", "right", "best_link_log_likelihood"}
    assert losses | validated | {"learning_rate", "train_left_out"} <= run.data.metrics.keys()
    assert [point.step for point in store.get_metric_history(run.info.run_id, "train_links")] == [1, 2]

    # Its configs are those that shipped, so it is trusted and whole.
    checked = json.loads(medseg("bundle", "check", bundle, "--no-log", "--json").out)
    assert checked["ok"]

    again = ("train", "particle_tracker", "-o", bundle, "--no-log")
    assert "--resume" in medseg(*again).err
    resumed = medseg(*again, "--resume", "--set", "max_iterations=3")
    assert resumed.code == 0, resumed.err
    assert "epoch 3 of 3" in resumed.err
    assert "epoch 1 of" not in resumed.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("train", "particle_tracker", "--data", "."),
            "leave out --data, and track movies of your own with medseg track",
        ),
        (("train", "hippocampus_unet"), "is trained on cases: give the folder of them with --data"),
        (("train", "particle_tracker", "--device", "cuda"), "is trained on the CPU: leave out --device"),
        (("train", "particle_tracker", "--set", "max_epochs=2"), "the train config has no `max_epochs`"),
        (("train", "particle_tracker", "--set", "network_def#hidden=2"), "names a part that the train config does not"),
        (("train", "particle_tracker", "--set", "hidden=-1", "--no-log"), "cannot be used as it is set"),
        (("train", "particle_tracker", "--set", "depth=99", "--no-log"), "`depth` must be a whole number from 1 to"),
    ],
)
def test_what_does_not_fit_the_kind_of_bundle_is_one_sentence(medseg, tmp_path, arguments, sentence):
    result = medseg(*arguments, "-o", tmp_path / "out")
    assert result.code == 2
    assert sentence in result.err
    assert len([line for line in result.err.splitlines() if line.startswith("medseg: ")]) == 1
    assert not (tmp_path / "out" / "models").exists()


def test_a_tracker_segments_nothing(medseg, crop_file, tmp_path):
    result = medseg("segment", crop_file, "--bundle", "particle_tracker", "-o", tmp_path / "out", "--no-log")
    assert result.code == 2
    assert "tracks particles and segments nothing: use medseg track" in result.err


@pytest.mark.slow
def test_twenty_iterations_already_learn(medseg, logged, store, tmp_path):
    length = {"max_iterations": 20, "iterations_per_epoch": 5, "warmup_iterations": 3}
    values = {**length, "val_interval": 1, "val_lessons": 3, "n_movies": 5, "n_frames": 16}
    trained = medseg("train", "particle_tracker", "-o", tmp_path / "out", *settings(values))
    assert trained.code == 0, trained.err
    (run,) = logged()
    first, *_, last = (point.value for point in store.get_metric_history(run.info.run_id, "link_log_likelihood"))
    assert last > first + 0.05
    right = [point.value for point in store.get_metric_history(run.info.run_id, "right")]
    assert right[-1] > 0.6
    assert run.data.metrics["train_left_out"] == 0
