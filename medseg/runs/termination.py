import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

EXIT_CODE = 128 + signal.SIGTERM


class Termination:
    """SIGTERM as `SystemExit` of code 143, so that what is open gets closed; it waits while `hold` is in effect."""

    def __init__(self) -> None:
        self._owner = os.getpid()
        self._is_held = True
        self._is_pending = False

    def hold(self) -> None:
        """Let a SIGTERM wait from here on."""
        self._is_held = True

    def release(self) -> None:
        """Act on SIGTERM from here on, and on one that waits.

        Raises:
            SystemExit: One waits.
        """
        self._is_held = False
        if self._is_pending:
            self._is_pending = False
            raise SystemExit(EXIT_CODE)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Take SIGTERM over and give it back after; only the main thread may, elsewhere nothing happens."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        previous = signal.signal(signal.SIGTERM, self._receive)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_DFL if previous is None else previous)

    def _receive(self, signum: int, frame: FrameType | None) -> None:
        if os.getpid() != self._owner:
            # A forked worker inherits this, but the run is not its to close.
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)
        elif self._is_held:
            self._is_pending = True
        else:
            raise SystemExit(EXIT_CODE)
