# Names as ImageJ, TrackMate, OME and GEFF write them, in small letters.
_MICROMETRES = {
    **dict.fromkeys(("micrometer", "micrometre", "micrometers", "micron", "microns", "µm", "μm", "um"), 1.0),
    **dict.fromkeys(("nanometer", "nanometre", "nanometers", "nm"), 1e-3),
    **dict.fromkeys(("millimeter", "millimetre", "millimeters", "mm"), 1e3),
    **dict.fromkeys(("centimeter", "centimetre", "centimeters", "cm"), 1e4),
    **dict.fromkeys(("meter", "metre", "meters", "m"), 1e6),
    **dict.fromkeys(("angstrom", "ångström", "å"), 1e-4),
    **dict.fromkeys(("inch", "inches"), 25400.0),
}
_SECONDS = {
    **dict.fromkeys(("second", "seconds", "sec", "secs", "s"), 1.0),
    **dict.fromkeys(("millisecond", "milliseconds", "msec", "ms"), 1e-3),
    **dict.fromkeys(("microsecond", "microseconds", "usec", "µs", "μs", "us"), 1e-6),
    **dict.fromkeys(("nanosecond", "nanoseconds", "nsec", "ns"), 1e-9),
    **dict.fromkeys(("minute", "minutes", "min", "mins"), 60.0),
    **dict.fromkeys(("hour", "hours", "hr", "hrs", "h"), 3600.0),
    **dict.fromkeys(("day", "days", "d"), 86400.0),
}


def micrometres(unit: str | None) -> float | None:
    """How many micrometres a unit of length is; None for pixels and for what is no unit of length."""
    return _MICROMETRES.get((unit or "").strip().lower())


def seconds(unit: str | None) -> float | None:
    """How many seconds a unit of time is; None for frames and for what is no unit of time."""
    return _SECONDS.get((unit or "").strip().lower())
