from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tracking.errors import TrackingError

_KNOWN = "TCZYX"
_COLOURS = ("red", "green", "blue", "alpha")


@dataclass(frozen=True)
class StoredAxes:
    """What a file says of its array.

    Attributes:
        letters: One letter per axis: T time, C channel, Z slice, Y row, X column, S colour (red, green, blue). Any
            other letter is an axis the file does not name.
        shape: Size of every axis.
        channel_names: Names of the channels where the file has them.
    """

    letters: str
    shape: tuple[int, ...]
    channel_names: tuple[str, ...] = ()

    def squeezed(self) -> "StoredAxes":
        """Without axes of size one, Y and X apart."""
        kept = [(a, n) for a, n in zip(self.letters, self.shape, strict=True) if n != 1 or a in "YX"]
        return StoredAxes("".join(a for a, _ in kept), tuple(n for _, n in kept), self.channel_names)


@dataclass(frozen=True)
class MovieAxes:
    """How a stored array is read as a movie.

    Attributes:
        letters: One of T, C, Z, Y, X for every stored axis, and "-" for one of size one that means nothing.
        shape: Size of every stored axis.
        channel: The channel that is read, from 0.
    """

    letters: str
    shape: tuple[int, ...]
    channel: int = 0

    def _size(self, letter: str) -> int:
        return self.shape[self.letters.index(letter)] if letter in self.letters else 1

    @property
    def n_frames(self) -> int:
        """Size of the time axis."""
        return self._size("T")

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """``(Y, X)``, or ``(Z, Y, X)`` where there are several slices."""
        return tuple(self._size(letter) for letter in "ZYX" if letter != "Z" or self._size("Z") > 1)

    @property
    def n_channels(self) -> int:
        """Size of the channel axis."""
        return self._size("C")

    def index(self, frame: int) -> tuple[int | slice, ...]:
        """Index of one frame in the stored array."""
        fixed = {"T": frame, "C": self.channel, "-": 0}
        return tuple(fixed.get(letter, slice(None)) for letter in self.letters)

    def frame_of(self, stored: np.ndarray) -> np.ndarray:
        """The stored part at `index` in the order Z, Y, X, without Z where there is one slice."""
        left = [letter for letter in self.letters if letter in "ZYX"]
        ordered = stored.transpose([left.index(letter) for letter in "ZYX" if letter in left])
        return ordered[0] if "Z" in left and self._size("Z") == 1 else ordered

    def identity(self) -> list[object]:
        """All of it, in types JSON knows."""
        return [self.letters, list(self.shape), self.channel]


def resolve_axes(path: Path, stored: StoredAxes, axes: str | None, channel: int | str | None) -> MovieAxes:
    """Decide which axis is time, and which channel is read.

    Args:
        path: Named in messages.
        stored: What the file says.
        axes: The user's word, which wins: a letter of TCZYX for every axis. Axes of size one may be left out together,
            and so may the colours.
        channel: The user's choice: number from 0, or name. Needed where there are several.

    Raises:
        TrackingError: The array has no pixels, its axes cannot be told, or several channels stand to choice.
    """
    if 0 in stored.shape:
        raise TrackingError(f"`{path.name}` holds no pixels: its shape is {stored.shape}")
    letters = _told(path, stored) if axes is None else _relabelled(path, stored, axes)
    is_colour = "S" in letters
    if is_colour and "C" in letters:
        raise TrackingError(f"`{path.name}` holds channels in colour, which cannot be read: save each channel as grey")
    found = MovieAxes(letters.replace("S", "C"), stored.shape)
    names = _COLOURS if is_colour else stored.channel_names
    return replace(found, channel=_choose(path, found.n_channels, names, letters, channel))


def require_axes_option(axes: str) -> str:
    """The option ``--axes`` in capitals.

    Raises:
        TrackingError: It holds other letters than TCZYX, one of them twice, or not both Y and X.
    """
    letters = axes.upper()
    if set(letters) - set(_KNOWN) or len(set(letters)) != len(letters) or not {"Y", "X"} <= set(letters):
        raise TrackingError(
            "--axes must name every axis once by T (time), C (channel), Z (slice), Y and X, such as TYX or TZYX,"
            f" got {axes!r}"
        )
    return letters


def _relabelled(path: Path, stored: StoredAxes, axes: str) -> str:
    squeezed = stored.squeezed()
    n_colours = squeezed.letters.count("S")
    if len(axes) in (len(squeezed.letters), len(squeezed.letters) - n_colours):
        keep = "S" if len(axes) < len(squeezed.letters) else ""
        given = iter(axes)
        return "".join(
            "-" if size == 1 and old not in "YX" else old if old in keep else next(given)
            for old, size in zip(stored.letters, stored.shape, strict=True)
        )
    whole = stored.letters.removesuffix("S") if stored.shape[-1] == 1 else stored.letters
    if len(axes) == len(whole):
        return axes + "-" * (len(stored.letters) - len(axes))
    raise TrackingError(
        f"--axes must have one letter for each of the {len(squeezed.shape)} axes of `{path.name}`, whose shape is"
        f" {squeezed.shape}, got {axes!r}"
    )


def _told(path: Path, stored: StoredAxes) -> str:
    """Letters where the user gave none."""
    left = stored.squeezed()
    sizes = dict(zip(left.letters, left.shape, strict=True))
    unknown = [letter for letter in left.letters if letter not in _KNOWN + "S"]
    if len(sizes) != len(left.letters) or len(unknown) > 1 or (unknown and "T" in sizes):
        example = {4: "TZYX, or TCYX where C is the channel", 5: "TZCYX"}.get(len(left.letters), "TYX")
        raise TrackingError(
            f"`{path.name}` has the shape {left.shape} and does not say which axis is which: give --axes, such as"
            f" {example}"
        )
    if "Z" in sizes and not unknown and "T" not in sizes:
        known = left.letters.replace("S", "C")
        raise TrackingError(
            f"`{path.name}` holds {sizes['Z']} slices (Z) and one time point: give --axes {known.replace('Z', 'T')} if"
            f" they are time points, or --axes {known} if they are one volume, which alone"
            " cannot be tracked"
        )
    return "".join(
        "-" if size == 1 and letter not in "YX" else "T" if letter in unknown else letter
        for letter, size in zip(stored.letters, stored.shape, strict=True)
    )


def _choose(path: Path, count: int, given: Sequence[str], letters: str, channel: int | str | None) -> int:
    names = [*given[:count], *[""] * (count - len(given))]
    listed = ", ".join(f"{i} ({name})" if name else str(i) for i, name in enumerate(names[:8]))
    listed += ", ..." if count > 8 else ""
    if channel is None:
        if count == 1:
            return 0
        if "S" in letters:
            # tifffile takes 3 or 4 frames without a word on their axes for colours.
            or_frames = ", or --axes TYX if these are frames" if letters.replace("-", "") == "SYX" else ""
            raise TrackingError(
                f"`{path.name}` is in colour, of which one channel can be tracked: give --channel, one of {listed};"
                f" --channel 0 is all there is where grey was saved as colour{or_frames}"
            )
        raise TrackingError(
            f"`{path.name}` holds {count} channels, of which one can be tracked: give --channel, one of {listed}"
        )
    text = str(channel)
    same = [i for i, name in enumerate(names) if name and name.lower() == text.lower()]
    if isinstance(channel, str) and len(same) == 1:
        return same[0]
    if text.isascii() and text.isdigit() and int(text) < count:
        return int(text)
    raise TrackingError(f"--channel must be one of {listed} for `{path.name}`, got {channel!r}")
