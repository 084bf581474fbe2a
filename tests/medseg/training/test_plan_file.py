from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from medseg.bundle import shipped_bundles
from medseg.errors import UserError
from medseg.training.memory import MemoryEstimate
from medseg.training.plan import Plan, PlannedValue
from medseg.training.plan_file import read_plan, write_plan

SHIPPED = shipped_bundles()["hippocampus_unet"]
NO_MEMORY = MemoryEstimate(0, 0, 0, 0, 0)


@given(
    size=st.lists(st.integers(1, 512), min_size=2, max_size=3),
    rate=st.floats(1e-9, 1, allow_subnormal=False),
    reason=st.text(min_size=1).filter(str.split),
)
def test_a_written_plan_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, size: list[int], rate: float, reason: str
) -> None:
    path = tmp_path_factory.mktemp("plan") / "plan.yaml"
    values = [PlannedValue("roi_size", size, reason), PlannedValue("learning_rate", rate, reason)]
    write_plan(Plan(values, NO_MEMORY), path, "made up")
    assert read_plan(path, SHIPPED) == {"roi_size": size, "learning_rate": rate}


def test_every_value_has_its_reason_above_it(tmp_path: Path) -> None:
    values = [PlannedValue("batch_size", 3, "Because of this. " * 20), PlannedValue("spacing", [1.0, 2.5], "And that.")]
    write_plan(Plan(values, NO_MEMORY), tmp_path / "plan.yaml", "Title.")
    lines = (tmp_path / "plan.yaml").read_text().splitlines()
    assert lines[0] == "# Title."
    assert lines[lines.index("batch_size: 3") - 1].startswith("# ")
    assert lines[lines.index("spacing: [1.0, 2.5]") - 1] == "# And that."
    assert yaml.safe_load("\n".join(lines)) == {"batch_size": 3, "spacing": [1.0, 2.5]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("max_epoch: 3", "has no `max_epoch`: did you mean max_epochs"),
        ("dataset_dir: elsewhere", "not for you to set"),
        ("batch_size: $__import__('os').getpid()", "expressions that can run code"),
        ("roi_size: ['@batch_size', 1, 1]", "expressions that can run code"),
        ("network_def: {_target_: os.system}", "expressions that can run code"),
        ("network_def#_target_: os.system", "expressions that can run code"),
        ("network_def::_target_: os.system", "expressions that can run code"),
        ("batch_size: !!python/object/apply:os.getpid []", "must be YAML"),
        ("- batch_size", "must hold keys of the train config"),
        ("1: 2", "must hold keys of the train config"),
        ("", "must hold keys of the train config"),
        ("a: [", "must be YAML"),
    ],
)
def test_what_is_no_plan_is_one_sentence(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(content)
    with pytest.raises(UserError, match=message):
        read_plan(path, SHIPPED)


def test_absent_plan(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_plan(tmp_path / "plan.yaml", SHIPPED)
