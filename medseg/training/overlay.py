import difflib
from pathlib import Path
from typing import Any

from medseg.errors import UserError, first_line

# These are laid over another config, or are the ones laid over.
_OTHERS = ("train", "inference", "evaluate", "multi_gpu_train")


def read_overlay(name: str, bundle: Path) -> dict[str, Any]:
    """The overrides in ``configs/NAME.yaml`` of a bundle, another network for instance.

    The config can hold expressions, as the others of the bundle do: the caller trusts it.

    Raises:
        UserError: the bundle has no such config to lay over its train config, and a near one is suggested; or it is no
            mapping in YAML.
    """
    import yaml

    known = [path.stem for path in sorted((bundle / "configs").glob("*.yaml")) if path.stem not in _OTHERS]
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(known) or 'none'}"
        raise UserError(f"bundle `{bundle.name}` has no overlay `{name}`: {hint}")
    path = bundle / "configs" / f"{name}.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"`{path}` must be YAML: {first_line(error)}") from error
    if not isinstance(content, dict):
        raise UserError(f"`{path}` must hold keys of the train config, each with a value")
    return {key: value for key, value in content.items() if key != "imports"}
