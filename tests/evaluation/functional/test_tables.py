from mmisr.evaluation.functional.tables import render_table


def test_columns_align_and_absence_is_a_dash():
    rows = [("small", 3, 0.25), ("extra large", 12345678, float("nan")), ("exact", 0, float("inf"))]
    lines = render_table("AP", ("size", "boxes", "AP"), rows, digits=2).splitlines()
    assert lines[0] == "AP"
    assert len({len(line) for line in lines[1:]}) == 1
    assert [line.split()[-1] for line in lines[1:]] == ["AP", "0.25", "-", "inf"]
    assert lines[3].startswith("extra large")


def test_no_rows():
    assert render_table("AP", ("size", "AP"), []) == "AP\nsize  AP"
