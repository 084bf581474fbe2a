from tracking.detect_movie import DetectedMovie
from tracking.io.movie import Movie


def blank_warning(movie: Movie, detected: DetectedMovie) -> str | None:
    """What to say of a movie without any contrast, in place of all that is said of one without spots."""
    n_read = movie.n_frames - len(detected.skipped)
    if len(detected.blank) < n_read:
        return None
    frames = f"all {n_read} frames" + (" that can be read" if detected.skipped else "")
    return (
        f"in {frames} every pixel has the same value, so there is nothing to find and the track files are valid and "
        "empty: is it the right file and channel?"
    )


def missing_warning(detected: DetectedMovie) -> str | None:
    """What to say of pixels that are NaN or infinite."""
    if not detected.missing:
        return None
    (frame, count), *more = detected.missing
    pixels = "1 pixel" if count == 1 else f"{count} pixels"
    are = "is not a finite number and was" if count == 1 else "are not finite numbers and were"
    so_in = f" (and so in {len(more)} more frame{'s' if len(more) > 1 else ''})" if more else ""
    return f"{pixels} of frame {frame} {are} passed over{so_in}"
