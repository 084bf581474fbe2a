from contextlib import AbstractContextManager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from medseg.cli.serve_bundle import BundleFacts, TimedLabel, serve_bundle
from medseg.errors import UserError

_PATIENCE_SECONDS = 30


class BundleProcess(AbstractContextManager["BundleProcess"]):
    """A bundle in a process of its own, so that its memory is its own; it ends with this process, however that ends.

    Args:
        folder: Of the bundle.
        device: As of `load_bundle`.
        trusted_by_user: As of `load_bundle`.
        mirror: Predict with mirror images too.
    """

    def __init__(self, folder: Path, device: str, trusted_by_user: bool, mirror: bool) -> None:
        self._name = folder.name
        self._arguments = (folder, device, trusted_by_user, mirror)
        self._start()

    def load(self) -> BundleFacts:
        """Wait until the bundle is loaded.

        Raises:
            UserError: it cannot be.
        """
        facts: BundleFacts = self._answer()
        return facts

    def predict(self, image: Path) -> TimedLabel:
        """Segment an image file.

        Raises:
            UserError: that failed, or the process died of it; the next prediction is then that of a new one.
        """
        if not self._process.is_alive():
            self.close()
            self._start()
            self.load()
        label: TimedLabel = self._answer(image)
        return label

    def close(self) -> None:
        """End the process, whatever it does."""
        self._connection.close()
        self._process.terminate()
        self._process.join()

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is None:  # it waits for a question, and ends by itself when none can come
            self._connection.close()
            self._process.join(_PATIENCE_SECONDS)
        self.close()

    def _start(self) -> None:
        context = get_context("spawn")  # a fork would begin with the memory, and the threads, of this process
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=serve_bundle, args=(theirs, *self._arguments), daemon=True)
        self._process.start()
        theirs.close()

    def _answer(self, question: Path | None = None) -> Any:
        try:
            if question is not None:
                self._connection.send(question)
            answer = self._connection.recv()
        except (EOFError, ConnectionError) as error:
            self._process.join()
            raise UserError(
                f"the process of bundle `{self._name}` ended with code {self._process.exitcode}, which is mostly for "
                "want of memory (-9): free some, or use smaller images"
            ) from error
        if isinstance(answer, UserError):
            raise answer
        return answer
