from medseg.cli.console import print_json, print_table


def test_a_table_shows_names_as_they_are(capsys):
    print_table("Cases [bold]", ["case", "Dice"], [("scan[red]", 0.12345), ("[/]", None)])
    shown = capsys.readouterr().out
    assert "scan[red]" in shown
    assert "[/]" in shown
    assert "0.123" in shown
    assert "-" in shown


def test_a_table_in_a_pipe_folds_nothing(capsys):
    path = "folder/" * 30 + "label.nii.gz"
    print_table("Labels", ["case", "label"], [("scan", path)])
    assert path in capsys.readouterr().out


def test_json_is_one_object(capsys):
    import json

    print_json({"dice": 0.5, "none": None})
    assert json.loads(capsys.readouterr().out) == {"dice": 0.5, "none": None}
