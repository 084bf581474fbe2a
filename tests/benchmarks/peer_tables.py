"""The benchmark's results as markdown."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

Record = dict[str, Any]

NAMES = {
    "trackpy": "trackpy",
    "trackpy-adaptive": "trackpy, adaptive",
    "trackpy-velocity": "trackpy, velocity prediction",
    "laptrack": "laptrack",
    "btrack": "btrack",
    "nearest": "nearest neighbour, tuned",
    "lap": "`--linker lap`, default",
    "lap-tuned": "`--linker lap`, tuned",
    "kalman": "Kalman filter with linear assignment that knows the true motion parameters",
    "perfect": "perfect linking",
}
PEERS = ("trackpy", "trackpy-adaptive", "trackpy-velocity", "laptrack", "btrack")
MEASURES = ("alpha", "beta", "jsc", "jsc_theta", "rmse")


def tables(records: Sequence[Record], absent: Mapping[str, str], slow: Mapping[str, Sequence[str]]) -> str:
    """All tables.

    Args:
        records: One per cell, seed and method.
        absent: Why a method was left out.
        slow: The densities at which a slow method was run.
    """
    cells = list(dict.fromkeys(record["cell"] for record in records))
    methods = [name for name in NAMES if name in absent or any(record["method"] == name for record in records)]
    parts = [
        _accuracy(records, cells, methods),
        _notes(records, absent, slow),
        "All measures, means over the seeds:",
        _measures(records, cells, methods),
        "Options chosen, with alpha on the tuning movie:",
        _options(records, cells, methods),
    ]
    return "\n\n".join(parts) + "\n"


def _accuracy(records: Sequence[Record], cells: list[str], methods: list[str]) -> str:
    found = {(cell, method): _of(records, cell, method) for cell in cells for method in methods}
    rows = []
    for method in methods:
        row = [NAMES[method]]
        for cell in cells:
            text = _pair(found[cell, method])
            alphas = {peer: mean for peer in PEERS if (mean := _mean(found.get((cell, peer), []), "alpha")) is not None}
            row.append(f"**{text}**" if alphas and method == max(alphas, key=alphas.__getitem__) else text)
        rows.append(row)
    detection = ["detections (recall / precision)"]
    for cell in cells:
        of_cell = [record for record in records if record["cell"] == cell]
        shares = [statistics.mean(record["detection"][name] for record in of_cell) for name in ("recall", "precision")]
        detection.append(" / ".join(map(_short, shares)))
    return _markdown(["", *cells], [detection, *rows])


def _notes(records: Sequence[Record], absent: Mapping[str, str], slow: Mapping[str, Sequence[str]]) -> str:
    seeds = sorted({record["seed"] for record in records})
    notes = [
        f"alpha / beta, mean ± standard deviation over the seeds {', '.join(map(str, seeds))}; bold: the best peer.",
        *(f"{NAMES[method]}: {why}." for method, why in absent.items()),
    ]
    notes += [
        f"{NAMES[method]}: slow, so run at the densities {' and '.join(densities)} only."
        for method, densities in slow.items()
        if any(record["method"] == method for record in records)
    ]
    failed = [record for record in records if record["failure"]]
    notes += [f"{NAMES[one['method']]}, {one['cell']}, seed {one['seed']}: {one['failure']}." for one in failed]
    notes += [
        f"{NAMES[one['method']]}, {one['cell']}, seed {one['seed']}: the {len(one['failures_before'])} best settings "
        f"failed ({one['failures_before'][0]}), so the next best was taken."
        for one in records
        if one["failures_before"] and not one["failure"]
    ]
    return "\n".join(f"- {note}" for note in notes)


def _measures(records: Sequence[Record], cells: list[str], methods: list[str]) -> str:
    rows = []
    for cell in cells:
        for method in methods:
            found = [record for record in _of(records, cell, method) if not record["failure"]]
            if found:
                seconds = statistics.mean(record["seconds"] for record in found)
                speed = sum(record["n_spots"] for record in found) / max(sum(one["seconds"] for one in found), 1e-9)
                values = [f"{_mean(found, name):.3f}" for name in MEASURES]
                rows.append([cell, NAMES[method], *values, f"{seconds:.2f}", f"{float(f'{speed:.2g}'):,.0f}"])
    return _markdown(["cell", "tracker", *MEASURES, "CPU seconds", "detections per CPU second"], rows)


def _options(records: Sequence[Record], cells: list[str], methods: list[str]) -> str:
    rows = []
    for cell in cells:
        for method in methods:
            found = [record for record in _of(records, cell, method) if record.get("tuning")]
            if found:
                tuning = found[0]["tuning"]
                chosen = ", ".join(f"{name} {value}" for name, value in tuning["options"].items() if name != "method")
                tried = f"{tuning['n_tried']} ({tuning['n_failed']})"
                alpha = "-" if tuning["alpha"] is None else f"{tuning['alpha']:.3f}"
                rows.append([cell, NAMES[method], chosen, alpha, tried, str(tuning["n_frames"])])
    return _markdown(["cell", "tracker", "options", "alpha", "tried (failed)", "frames"], rows)


def _of(records: Sequence[Record], cell: str, method: str) -> list[Record]:
    return [record for record in records if record["cell"] == cell and record["method"] == method]


def _mean(records: Sequence[Record], name: str) -> float | None:
    """None where there is nothing, or a seed failed."""
    if not records or any(record["failure"] for record in records):
        return None
    return statistics.mean(record["scores"][name] for record in records)


def _pair(records: Sequence[Record]) -> str:
    if not records:
        return "-"
    if any(record["failure"] for record in records):
        return "failed"
    values = [[record["scores"][name] for record in records] for name in ("alpha", "beta")]
    means = " / ".join(_short(statistics.mean(one)) for one in values)
    if len(records) == 1:
        return means
    return means + " ± " + " / ".join(_short(statistics.stdev(one)) for one in values)


def _short(value: float) -> str:
    """Three decimals without the leading zero."""
    return f"{value:.3f}".removeprefix("0")


def _markdown(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
