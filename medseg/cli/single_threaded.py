from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def single_threaded() -> Iterator[None]:
    """Let torch compute on one thread, and as before afterwards.

    The tracker's network works on small matrices. On two cores of which one was busy, two threads took four to eight
    times the CPU time of one and four to ten times as long, and one thread leaves the other cores to their users.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
