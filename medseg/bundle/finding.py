import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from medseg.errors import first_line


@dataclass(frozen=True)
class Finding:
    """One thing that was found of a bundle.

    An ``error`` keeps it from working, a ``warning`` from being complete. What is ``not applicable`` is asked of other
    kinds of bundles, and lacks nothing here.
    """

    level: Literal["error", "warning", "not applicable"]
    message: str


def tried(check: Callable[[], None]) -> list[Finding]:
    """What ``check`` complains of: nothing, or the one error that ended it."""
    with quiet():
        try:
            check()
        except Exception as error:  # a stranger's config can fail in as many ways as there is code in it
            return [Finding("error", first_line(error))]
    return []


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep MONAI's chatter from the terminal."""
    chatter = io.StringIO()
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(chatter), contextlib.redirect_stderr(chatter), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
