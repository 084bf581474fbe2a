from pathlib import Path

import pytest

from medseg.cli.outputs import require_free_bundle
from medseg.errors import UserError


@pytest.fixture
def source(tmp_path):
    return make_bundle(tmp_path / "models" / "source")


def make_bundle(folder: Path) -> Path:
    (folder / "configs").mkdir(parents=True)
    (folder / "configs" / "metadata.json").touch()
    return folder


def test_an_empty_folder_and_one_with_records_of_failed_runs_are_free(source, tmp_path):
    require_free_bundle(tmp_path / "new", source, may_exist=False)
    (tmp_path / "failed").mkdir()
    (tmp_path / "failed" / "run.json").touch()
    (tmp_path / "failed" / ".medseg-1a2b.tmp").touch()
    require_free_bundle(tmp_path / "failed", source, may_exist=False)


def test_a_bundle_is_written_over_if_told_to_and_nothing_else_ever(source, tmp_path):
    other = make_bundle(tmp_path / "other")
    with pytest.raises(UserError, match="--overwrite"):
        require_free_bundle(other, source, may_exist=False)
    require_free_bundle(other, source, may_exist=True)
    (other / "train").mkdir()
    (other / "train" / "last.pt").touch()
    with pytest.raises(UserError, match="goes on with --resume"):
        require_free_bundle(other, source, may_exist=False)
    (tmp_path / "project" / "docs").mkdir(parents=True)
    with pytest.raises(UserError, match="is not empty and no bundle"):
        require_free_bundle(tmp_path / "project", source, may_exist=True)


def test_what_training_needs_is_never_in_its_output(source, tmp_path):
    for output in (source, source / "inside"):
        with pytest.raises(UserError, match="is the bundle itself"):
            require_free_bundle(output, source, may_exist=True)
    for output in (tmp_path, source.parent):
        with pytest.raises(UserError, match="which is needed"):
            require_free_bundle(output, source, may_exist=True)
    project = make_bundle(tmp_path / "project")
    (project / "train").mkdir()
    with pytest.raises(UserError, match="which is needed"):
        require_free_bundle(project, source, may_exist=True, data=project / "train")
