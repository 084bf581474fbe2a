from medseg.cli.print_scores import print_scores
from medseg.metrics import score_case, summarise


def test_the_worst_cases_are_those_with_something_wrong(capsys):
    import numpy as np

    full, half, empty = (np.full((4, 4), value, np.uint8) for value in (1, 1, 0))
    half[:, 2:] = 0
    pairs = {"wrong": (half, full), "nothing": (empty, empty), "also_nothing": (empty, empty), "right": (full, full)}
    scores = {name: score_case(*pair, (1, 1), {1: "organ"}) for name, pair in pairs.items()}
    metrics = {
        "summary": {name: item.to_dict() for name, item in summarise(list(scores.values())).items()},
        "objects": None,
        "tolerance_mm": 1.0,
        "cases": [
            {"case": name, **{organ: {"dice": item.dice} for organ, item in row.items()}}
            for name, row in scores.items()
        ],
    }
    print_scores(metrics)
    worst = capsys.readouterr().out.partition("Summary")[0]
    assert worst.index("wrong") < worst.index("right")
    assert "nothing" not in worst
