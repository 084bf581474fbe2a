from pathlib import Path

from medseg.errors import UserError

LAST_CHECKPOINT = Path("train") / "last.pt"


def is_begun(bundle: Path) -> bool:
    """Whether the training in folder ``bundle`` has saved a checkpoint to go on from."""
    return (bundle / LAST_CHECKPOINT).is_file()


def is_complete(bundle: Path) -> bool:
    """Whether the training in folder ``bundle`` has come to its end: its last epoch, or where it stops early.

    Raises:
        UserError: the checkpoint is damaged.
    """
    import torch

    path = bundle / LAST_CHECKPOINT
    if not path.is_file():
        return False
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        return bool(state["is_complete"])
    except Exception as error:  # torch raises a dozen kinds for a damaged file
        raise UserError(f"`{path}` is damaged: remove `{bundle}` to train it anew") from error
