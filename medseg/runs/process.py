import os
import socket

import psutil

from medseg.runs.pseudonyms import keyed_hash

CLOCK_STEP_SECONDS = 2.0


def process_tags(key: bytes) -> dict[str, str]:
    """What tells later whether this process still lives: its number, its start and, as a keyed hash, its machine."""
    return {
        "pid": str(os.getpid()),
        "process_started": f"{psutil.Process().create_time():.3f}",
        "host": host_pseudonym(key),
    }


def host_pseudonym(key: bytes) -> str:
    """This machine, told from others without its name."""
    return keyed_hash(key, socket.gethostname())


def is_running(pid: int, started: float) -> bool:
    """Whether the process of this number that started then still runs; the number alone may have been given anew.

    Args:
        pid: Process number.
        started: Seconds since the epoch; correcting the system clock shifts it a little.
    """
    try:
        process = psutil.Process(pid)
        is_same = abs(process.create_time() - started) < CLOCK_STEP_SECONDS
        return is_same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
