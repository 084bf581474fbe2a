"""The recurrent tracker beside the best of the others, cell by cell, and against its bars; and what its parts buy."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from peer_intervals import Interval, Record, difference, markdown, of_cell, scores, short
from peer_tables import ABLATION, INSTALLABLE, NAMES

# By how much it may be worse than the best peer, better on directed motion, and worse than the true motion there.
TOLERANCE, LEAD, BEHIND_TRUE_MOTION = 0.005, 0.05, 0.03
# Where the lead is asked for.
LEAD_CELLS = [f"{scenario} {density}, SNR 4" for scenario in ("receptor", "microtubule") for density in ("mid", "high")]
MEASURES = ("alpha", "beta", "jsc_theta")


@dataclass(frozen=True)
class Comparison:
    """The recurrent tracker less another one, by one measure, on the same movies of a cell."""

    cell: str
    measure: str
    other: str
    ours: float
    theirs: float
    gain: Interval

    @property
    def verdict(self) -> str:
        """Worse only where it is so by more than the tolerance and by more than the interval."""
        if self.gain.mean >= -TOLERANCE:
            return "better" if self.gain.mean > (self.gain.half or 0) else "as good"
        return "worse" if -self.gain.mean > (self.gain.half or 0) else "within the interval"


def compare(records: Sequence[Record], cell: str, measure: str, others: Sequence[str]) -> Comparison | None:
    """With the best of the ``others`` in that cell; None where there is nothing to compare."""
    ours = scores(of_cell(records, cell, "recurrent"), measure)
    found = {other: one for other in others if (one := scores(of_cell(records, cell, other), measure))}
    if not ours or not found:
        return None
    other = max(found, key=lambda name: statistics.mean(found[name].values()))
    gain = difference(ours, found[other])
    if gain is None:
        return None
    means = [statistics.mean(values.values()) for values in (ours, found[other])]
    return Comparison(cell, measure, other, *means, gain)


def verdicts(records: Sequence[Record]) -> str:
    """Tables in markdown; empty where the recurrent tracker or all others are missing."""
    cells = list(dict.fromkeys(record["cell"] for record in records))
    found = [one for cell in cells for measure in MEASURES if (one := compare(records, cell, measure, INSTALLABLE))]
    if not found:
        return ""
    rows = []
    for cell in cells:
        row = [cell]
        for one in (one for one in found if one.cell == cell):
            row += [NAMES[one.other], one.gain.signed, _marked(one.verdict)]
        rows += [row] if len(row) > 1 else []
    header = ["cell", *(text for measure in MEASURES for text in (f"best by {measure}", "gain", "verdict"))]
    return "\n\n".join(
        [
            "The recurrent tracker less the best that can be installed, on the same movies:",
            markdown(header, rows),
            "\n".join([*(_summary(found, measure) for measure in MEASURES), _leads(records), _true_motion(records)]),
        ]
    )


def _summary(found: Sequence[Comparison], measure: str) -> str:
    of_measure = [one for one in found if one.measure == measure]
    worse = [f"{one.cell} ({one.gain.signed})" for one in of_measure if one.verdict == "worse"]
    counts = [
        f"{name} in {sum(one.verdict == name for one in of_measure)}"
        for name in ("better", "as good", "within the interval")
    ]
    return f"- {measure}, {len(of_measure)} cells: {', '.join(counts)}, worse in {len(worse)}" + _named(worse)


def _leads(records: Sequence[Record]) -> str:
    found = [one for cell in LEAD_CELLS if (one := compare(records, cell, "alpha", INSTALLABLE))]
    short_of = [f"{one.cell} ({one.gain.signed})" for one in found if one.gain.mean < LEAD]
    met = f"- alpha at least {short(LEAD)} above the best peer: {len(found) - len(short_of)} of {len(found)} cells"
    return met + _named(short_of, "short of it: ")


def _true_motion(records: Sequence[Record]) -> str:
    cells = list(dict.fromkeys(record["cell"] for record in records))
    found = [one for cell in cells if (one := compare(records, cell, "alpha", ["kalman"]))]
    below = [
        f"{one.cell} ({one.gain.signed})"
        for one in found
        if one.gain.mean < (-BEHIND_TRUE_MOTION if one.cell.startswith("microtubule") else 0)
    ]
    met = f"{len(found) - len(below)} of {len(found)} cells"
    bar = f"within {short(BEHIND_TRUE_MOTION)} of the Kalman filter on microtubules, above it elsewhere"
    return f"- alpha {bar}: {met}" + _named(below, "not in ")


def _named(cells: Sequence[str], before: str = "") -> str:
    return f": {before}{'; '.join(cells)}." if cells else "."


def _marked(verdict: str) -> str:
    return f"**{verdict}**" if verdict == "worse" else verdict


def ablation(records: Sequence[Record]) -> str:
    """What each part of the recurrent tracker buys: alpha without it less alpha with it; empty where none was run."""
    methods = [name for name in ABLATION if any(record["method"] == name for record in records)]
    cells = list(dict.fromkeys(record["cell"] for record in records if record["method"] in methods))
    if not methods:
        return ""
    rows = [["as it is", *(_alpha(records, cell) for cell in cells), "", _speed(records, cells, "recurrent")]]
    for method in methods:
        row, means = [ABLATION[method]], []
        for cell in cells:
            pair = [scores(of_cell(records, cell, name), "alpha") for name in (method, "recurrent")]
            gain = difference(pair[0], pair[1]) if pair[0] and pair[1] else None
            means += [gain.mean] if gain else []
            row.append(gain.signed if gain else "-")
        mean = Interval(statistics.mean(means), None).signed if means else "-"
        rows.append([*row, mean, _speed(records, cells, method)])
    table = markdown(["", *cells, "mean", "detections per CPU second"], rows)
    return f"Parts of the recurrent tracker taken away, alpha and by how much it changes:\n\n{table}"


def _alpha(records: Sequence[Record], cell: str) -> str:
    values = scores(of_cell(records, cell, "recurrent"), "alpha")
    return str(Interval.of([*values.values()])) if values else "-"


def _speed(records: Sequence[Record], cells: Sequence[str], method: str) -> str:
    found = [one for cell in cells for one in of_cell(records, cell, method) if not one["failure"]]
    speed = sum(one["n_spots"] for one in found) / max(sum(one["seconds"] for one in found), 1e-9)
    return f"{float(f'{speed:.2g}'):,.0f}"
