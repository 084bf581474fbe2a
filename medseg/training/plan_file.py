import textwrap
from pathlib import Path
from typing import Any

from medseg.bundle.trust import is_live
from medseg.errors import UserError
from medseg.io.atomic import atomic_path
from medseg.training.plan import Plan
from medseg.training.workflow import parse_overrides

_WIDTH = 100


def write_plan(plan: Plan, path: Path, title: str) -> None:
    """Write a plan as YAML: a value a line, with its reason as a comment above it.

    Raises:
        UserError: the file cannot be written.
    """
    import yaml

    lines = _comment(title)
    for item in plan.values:
        flow = None if isinstance(item.value, list) else False  # a list in one line, and no braces round the key
        content = yaml.safe_dump({item.key: item.value}, default_flow_style=flow, width=10_000)
        lines += ["", *_comment(item.reason), content.rstrip()]
    with atomic_path(path) as partial:
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_plan(path: Path, bundle: Path) -> dict[str, Any]:
    """The overrides in a plan, under the same rules as those of ``--set``, and plain data only.

    Raises:
        UserError: the file cannot be read, is no YAML mapping, holds what could run code, or a key that the train
            config of ``bundle`` does not have.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"`{path}` cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"`{path}` must be YAML, as medseg plan writes it") from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise UserError(f"`{path}` must hold keys of the train config, each with a value, as medseg plan writes it")
    if is_live(content):
        raise UserError(f"`{path}` holds expressions that can run code; a plan holds plain values only")
    pairs = [f"{key}={yaml.safe_dump(value, default_flow_style=True)}" for key, value in content.items()]
    try:
        return parse_overrides(pairs, bundle)
    except UserError as error:
        raise UserError(f"`{path}`: {error}") from error


def _comment(text: str) -> list[str]:
    # A line break of any kind would end the comment.
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    return textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_long_words=False)
