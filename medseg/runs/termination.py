import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class Termination:
    """SIGTERM and SIGHUP as `SystemExit` of code 128 + signal, so that what is open gets closed.

    They wait while `hold` is in effect. One that is ignored already, as SIGHUP under ``nohup``, stays so.
    """

    def __init__(self) -> None:
        self._owner = os.getpid()
        self._is_held = True
        self._pending: int | None = None

    def hold(self) -> None:
        """Let a signal wait from here on."""
        self._is_held = True

    def release(self) -> None:
        """Act on signals from here on, and on one that waits.

        Raises:
            SystemExit: One waits.
        """
        self._is_held = False
        if self._pending is not None:
            signum, self._pending = self._pending, None
            raise SystemExit(128 + signum)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Take the signals over and give them back after; only the main thread may, elsewhere nothing happens."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        taken = [signum for signum in SIGNALS if signal.getsignal(signum) != signal.SIG_IGN]
        previous = {signum: signal.signal(signum, self._receive) for signum in taken}
        try:
            yield
        finally:
            for signum, handler in previous.items():
                signal.signal(signum, signal.SIG_DFL if handler is None else handler)

    def _receive(self, signum: int, frame: FrameType | None) -> None:
        if os.getpid() != self._owner:
            # A forked worker inherits this, but the run is not its to close.
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)
        elif self._is_held:
            self._pending = signum
        else:
            raise SystemExit(128 + signum)
