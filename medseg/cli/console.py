import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import typer

T = TypeVar("T")


def say(message: str) -> None:
    """A line for the person at the terminal, on standard error: standard output is for results."""
    typer.echo(printable(message), err=True)


def printable(text: str) -> str:
    """``text`` with what is no UTF-8, as it can stand in a file name, shown as a question mark in a box."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def print_json(content: object) -> None:
    """One JSON object on standard output."""
    typer.echo(json.dumps(content, indent=2, allow_nan=False))


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on standard output; None is shown as a dash and numbers with three decimals."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(_shown(value))) for value in row))  # a file name may look like rich's markup
    console = Console()
    # In a file or a pipe nothing is folded, so that a path can be copied and a line found.
    (console if console.is_terminal else Console(width=500)).print(table)


def progress(items: Iterable[T], description: str, total: int | None = None) -> Iterable[T]:
    """``items``, with a progress bar on standard error where that is a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(
        items, description=description, total=total, console=console, disable=not console.is_terminal, transient=True
    )


@contextmanager
def epoch_progress(description: str) -> Iterator[Callable[[int, int, float], None]]:
    """A progress bar over epochs; gives what to call after each with its number, their number, and the loss.

    Where standard error is no terminal, every tenth epoch is a line of its own, so that a log tells how far it is.
    """
    from rich.console import Console
    from rich.progress import Progress, TimeRemainingColumn

    console = Console(stderr=True)
    with Progress(*Progress.get_default_columns()[:3], TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task(description)

        def show(epoch: int, epochs: int, loss: float) -> None:
            bar.update(task, completed=epoch, total=epochs, description=f"epoch {epoch} of {epochs}, loss {loss:.3f}")
            if not console.is_terminal and (epoch % 10 == 0 or epoch == epochs):
                say(f"epoch {epoch} of {epochs}, loss {loss:.3f}")

        yield show


@contextmanager
def frame_progress(description: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar over frames, on standard error where that is a terminal; gives what to call with done and all."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(description)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def step_progress(of: str = "") -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar for each step of some work; gives what to call with a step's name, how much is done, and all.

    Where standard error is no terminal, each step of what is ``of`` something is named there once, when it begins.
    """
    from rich.console import Console
    from rich.progress import Progress, TaskID

    console = Console(stderr=True)
    tasks: dict[str, TaskID] = {}
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:

        def show(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = bar.add_task(step)
                if of and not console.is_terminal:
                    say(f"{of}: {step}")
            bar.update(tasks[step], completed=done, total=total)

        yield show


def _shown(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
