from pathlib import Path

import torch

from medseg.training.available_memory import available_memory, cgroup_headrooms


def write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{content}\n")


def test_version_2_counts_every_group_above_and_leaves_file_cache_out(tmp_path: Path) -> None:
    write(tmp_path / "cgroup", "0::/job/step")
    write(tmp_path / "fs" / "job" / "memory.max", 1000)
    write(tmp_path / "fs" / "job" / "memory.current", 700)
    write(tmp_path / "fs" / "job" / "memory.stat", "anon 500\ninactive_file 150")
    write(tmp_path / "fs" / "job" / "step" / "memory.max", "max")
    write(tmp_path / "fs" / "job" / "step" / "memory.current", 700)
    assert cgroup_headrooms(tmp_path / "cgroup", tmp_path / "fs") == [450]


def test_version_1_is_read_in_a_container_whose_group_has_another_name(tmp_path: Path) -> None:
    write(tmp_path / "cgroup", "9:name=systemd:/\n4:cpu,memory:/docker/abc\n0::/")
    write(tmp_path / "fs" / "memory" / "memory.limit_in_bytes", 2000)
    write(tmp_path / "fs" / "memory" / "memory.usage_in_bytes", 2500)
    assert cgroup_headrooms(tmp_path / "cgroup", tmp_path / "fs") == [0]


def test_without_control_groups_nothing_limits(tmp_path: Path) -> None:
    assert cgroup_headrooms(tmp_path / "absent", tmp_path) == []


def test_this_machine_has_some_memory() -> None:
    assert 0 < available_memory(torch.device("cpu")) < 2**50
