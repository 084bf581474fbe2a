"""The benchmark's results as markdown."""

import statistics
from collections.abc import Mapping, Sequence

from peer_intervals import Interval, Record, markdown, of_cell, scores, short

NAMES = {
    "trackpy": "trackpy",
    "trackpy-adaptive": "trackpy, adaptive",
    "trackpy-velocity": "trackpy, velocity",
    "laptrack": "laptrack",
    "btrack": "btrack",
    "nearest": "nearest neighbour",
    "lap": "`lap`, default",
    "lap-tuned": "`lap`, tuned",
    "recurrent": "recurrent",
    "kalman": "Kalman, true motion",
    "perfect": "perfect linking",
}
# The recurrent tracker with parts taken away.
ABLATION = {
    "recurrent-no-future": "no future",
    "recurrent-three-hypotheses": "three hypotheses",
    "recurrent-depth-1": "depth 1",
    "recurrent-depth-2": "depth 2",
    "recurrent-depth-3": "depth 3",
    "recurrent-depth-4": "depth 4",
    "recurrent-depth-6": "depth 6",
    "recurrent-depth-8": "depth 8",
    "recurrent-greedy": "no joint assignment",
    "recurrent-no-existence": "no existence",
}
PEERS = ("trackpy", "trackpy-adaptive", "trackpy-velocity", "laptrack", "btrack")
# What a laboratory can install, and what is tuned.
INSTALLABLE = (*PEERS, "nearest")
RECURRENT = ("recurrent", *ABLATION)
MEASURES = ("alpha", "beta", "jsc", "jsc_theta", "rmse")


def tables(records: Sequence[Record], absent: Mapping[str, str], slow: Mapping[str, Sequence[str]]) -> str:
    """All tables.

    Args:
        records: One per cell, seed and method.
        absent: Why a method was left out.
        slow: The densities at which a slow method was run.
    """
    cells = list(dict.fromkeys(record["cell"] for record in records))
    methods = [name for name in NAMES if any(record["method"] == name for record in records)]
    parts = [_notes(records, absent, slow), "Detections:", _detections(records, cells)]
    for measure in ("alpha", "beta", "jsc_theta") if methods else ():
        parts += [f"{measure}:", _accuracy(records, cells, methods, measure)]
    parts += ["All measures, means over the seeds:", _measures(records, cells, [*methods, *ABLATION])]
    parts += ["Options chosen, with alpha on the tuning movie:", _options(records, cells, methods)]
    return "\n\n".join(parts) + "\n"


def _detections(records: Sequence[Record], cells: list[str]) -> str:
    rows = []
    for cell in cells:
        found = [record for record in records if record["cell"] == cell]
        n_spots = statistics.mean(record["n_spots"] / record["n_frames"] for record in found)
        shares = [statistics.mean(record["detection"][name] for record in found) for name in ("recall", "precision")]
        rows.append([cell, f"{n_spots:.0f}", *map(short, shares)])
    return markdown(["cell", "per frame", "recall", "precision"], rows)


def _accuracy(records: Sequence[Record], cells: list[str], methods: list[str], measure: str) -> str:
    rows = []
    for cell in cells:
        found = {method: scores(of_cell(records, cell, method), measure) for method in methods}
        means = {method: statistics.mean(one.values()) for method, one in found.items() if one}
        best = max((name for name in INSTALLABLE if name in means), key=means.__getitem__, default=None)
        row = [cell]
        for method in methods:
            values = found[method]
            nothing = "failed" if of_cell(records, cell, method) else "-"
            text = str(Interval.of([*values.values()])) if values else nothing
            row.append(f"**{text}**" if method == best else text)
        rows.append(row)
    return markdown(["cell", *(NAMES[method] for method in methods)], rows)


def _notes(records: Sequence[Record], absent: Mapping[str, str], slow: Mapping[str, Sequence[str]]) -> str:
    seeds = sorted({record["seed"] for record in records})
    names = {**NAMES, **ABLATION}
    notes = [
        f"Mean ± half of the 95 percent interval (Student's t) over the seeds {', '.join(map(str, seeds))}; bold: the "
        "best that can be installed.",
        *(f"{names[method]}: {why}." for method, why in absent.items()),
    ]
    notes += [
        f"{names[method]}: slow, so run at the densities {' and '.join(densities)} only."
        for method, densities in slow.items()
        if any(record["method"] == method for record in records)
    ]
    for method in names:
        versions = {record["version"] for record in records if record["method"] == method}
        if len(versions) > 1:
            notes.append(f"{names[method]}: linked by {len(versions)} versions of it; run the command again for one.")
    failed = [record for record in records if record["failure"]]
    notes += [f"{names[one['method']]}, {one['cell']}, seed {one['seed']}: {one['failure']}." for one in failed]
    notes += [
        f"{names[one['method']]}, {one['cell']}, seed {one['seed']}: the {len(one['failures_before'])} best settings "
        f"failed ({one['failures_before'][0]}), so the next best was taken."
        for one in records
        if one["failures_before"] and not one["failure"]
    ]
    return "\n".join(f"- {note}" for note in notes)


def _measures(records: Sequence[Record], cells: list[str], methods: list[str]) -> str:
    names, rows = {**NAMES, **ABLATION}, []
    for cell in cells:
        for method in methods:
            found = [record for record in of_cell(records, cell, method) if not record["failure"]]
            if found:
                seconds = statistics.mean(record["seconds"] for record in found)
                speed = sum(record["n_spots"] for record in found) / max(sum(one["seconds"] for one in found), 1e-9)
                values = [f"{statistics.mean(record['scores'][name] for record in found):.3f}" for name in MEASURES]
                rows.append([cell, names[method], *values, f"{seconds:.2f}", f"{float(f'{speed:.2g}'):,.0f}"])
    return markdown(["cell", "tracker", *MEASURES, "CPU seconds", "detections per CPU second"], rows)


def _options(records: Sequence[Record], cells: list[str], methods: list[str]) -> str:
    rows = []
    for cell in cells:
        for method in methods:
            found = [record for record in of_cell(records, cell, method) if record.get("tuning")]
            if found:
                tuning = found[0]["tuning"]
                chosen = ", ".join(f"{name} {value}" for name, value in tuning["options"].items() if name != "method")
                tried = f"{tuning['n_tried']} ({tuning['n_failed']})"
                alpha = "-" if tuning["alpha"] is None else f"{tuning['alpha']:.3f}"
                rows.append([cell, NAMES[method], chosen, alpha, tried, str(tuning["n_frames"])])
    return markdown(["cell", "tracker", "options", "alpha", "tried (failed)", "frames"], rows)
