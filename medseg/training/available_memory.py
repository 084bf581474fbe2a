from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_PROC, _MOUNT = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
# The names of limit, use and idle file cache under version 1 and version 2.
_FILES = {
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    2: ("memory.max", "memory.current", "inactive_file"),
}


def available_memory(device: "torch.device") -> int:
    """Bytes that this process can still take on ``device``.

    On a CUDA device these are what is free there; else what the machine has available, or what the control groups of
    the process (a container's, a batch job's) leave it, whichever is less.
    """
    if device.type == "cuda":
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    import psutil

    available = int(psutil.virtual_memory().available)
    return min([available, *cgroup_headrooms()])


def cgroup_headrooms(proc: Path = _PROC, mount: Path = _MOUNT) -> list[int]:
    """Bytes that each control group leaves the process, its own and all above it; those without a limit are left out.

    Files that the system can drop from memory at once do not count as used.

    Args:
        proc: where the kernel lists the groups of the process.
        mount: where the groups are mounted.

    Source: Linux, Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst.
    """
    headrooms = []
    for version, folder in _groups(proc, mount):
        limit_file, use_file, idle_key = _FILES[version]
        limit, used = _number(folder / limit_file), _number(folder / use_file)
        if limit is not None and used is not None:
            headrooms.append(max(limit - used + _idle(folder / "memory.stat", idle_key), 0))
    return headrooms


def _groups(proc: Path, mount: Path) -> Iterator[tuple[int, Path]]:
    try:
        lines = proc.read_text().splitlines()
    except OSError:  # no Linux
        return
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if controllers == "":
            version, root = 2, mount
        elif "memory" in controllers.split(","):
            version, root = 1, mount / "memory"
        else:
            continue
        # In a container the group's name can be the host's and is not to be found: its root then holds the limit.
        folder = root / name.strip("/")
        yield from ((version, parent) for parent in (folder, *folder.parents) if parent.is_relative_to(root))


def _number(path: Path) -> int | None:
    """The number in a file; None where it is absent, or says ``max``."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _idle(path: Path, key: str) -> int:
    try:
        found = dict(line.split(maxsplit=1) for line in path.read_text().splitlines())
        return int(found.get(key, 0))
    except (OSError, ValueError):
        return 0
