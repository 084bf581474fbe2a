import contextlib
import json
from pathlib import Path

import pytest

from medseg.runs import list_runs, open_run
from medseg.runs.store import data_folder

SECRETS = ("jane_doe", "Jane Doe", "JD-1950", "ward_7")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A patient's image in a folder that is named after the patient as well."""
    folder = tmp_path / "ward_7" / "Jane Doe"
    folder.mkdir(parents=True)
    (folder / "jane_doe.nii.gz").write_bytes(b"voxels")
    (folder / "jane_doe_overlay.png").write_bytes(b"pixels")
    return folder


def use_everything(study: Path, output_dir: Path) -> None:
    image = study / "jane_doe.nii.gz"
    options = {
        "image": image,
        "as_text": str(image),
        "relative": "ward_7/Jane Doe",
        "file_name": "jane_doe.nii.gz",
        "windows": "C:\\ward_7\\jane_doe",
        "nested": {"files": [image, str(study)], str(image): 1},
        "overlap": 0.5,
    }
    with open_run("predict", options=options, output_dir=output_dir) as run:
        run.add_input(image)
        run.case("jane_doe")
        run.case("JD-1950")
        run.log_params({"image": image, "note": "jane_doe, second visit"})
        run.log_metrics({"dice": {"jane_doe": 0.9}})
        rows = [{"case": "JD-1950", "dice": 0.9, "image": image, "out": str(study / "x")}, {"case": "jane_doe"}]
        run.log_table("cases", rows)
        run.log_figure(study / "jane_doe_overlay.png")
        run.fail(f"JD-1950 and jane_doe could not be read: {study} is a folder of Jane Doe")
        raise ValueError(f"{image}: Jane Doe moved")


def bytes_that_hold(secret: str) -> list[str]:
    files = [file for file in data_folder().rglob("*") if file.is_file()]
    assert any(file.name == "mlflow.db" for file in files)
    return [
        str(file.relative_to(data_folder()))
        for file in files
        if secret.encode() in file.read_bytes() or secret in str(file.relative_to(data_folder()))
    ]


def test_no_name_and_no_path_of_a_patient_gets_into_the_store(store, logged, study, tmp_path):
    with contextlib.suppress(ValueError):
        use_everything(study, tmp_path)

    for secret in (*SECRETS, str(study), tmp_path.name):
        assert bytes_that_hold(secret) == []
    (run,) = logged()
    assert run.data.params["overlap"] == "0.5"
    assert run.data.params["as_text"] == "<path>"
    assert run.data.tags["error"] == "ValueError"
    assert run.data.tags["failure"].endswith("could not be read: <path>")
    assert list_runs()[0].error == "ValueError"


def test_nothing_names_the_user_or_the_program(store, logged):
    with open_run("predict", options={}, output_dir=None):
        pass

    (run,) = logged()
    assert run.info.user_id == "unknown"
    assert {tag for tag in run.data.tags if tag.startswith("mlflow.")} <= {"mlflow.runName", "mlflow.source.git.commit"}


def test_the_record_beside_the_outputs_leads_back(store, logged, study, tmp_path):
    with contextlib.suppress(ValueError):
        use_everything(study, tmp_path)

    record = json.loads((tmp_path / "run.json").read_text())
    (run,) = logged()
    artifacts = data_folder() / "artifacts" / run.info.run_id / "artifacts"
    table = json.loads((artifacts / "tables" / "cases.json").read_text())
    assert [record["cases"][row["case"]] for row in table] == ["JD-1950", "jane_doe"]
    (digest,) = json.loads((artifacts / "inputs.json").read_text())
    assert record["inputs"] == {digest: str(study / "jane_doe.nii.gz")}
    assert table[0]["image"] == digest
    assert table[0]["out"] == "<path>"
    assert [figure.name for figure in (artifacts / "figures").iterdir()] == [f"{table[1]['case']}_overlay.png"]
    assert "Jane Doe moved" in record["message"]
    (dataset,) = run.inputs.dataset_inputs
    assert record["dataset"].startswith(dataset.dataset.digest)
    assert run.data.tags["dataset_sha256"] == record["dataset"]
