from pathlib import Path

import pytest

from companion import params
from companion.paper import TABLE1_ROWS, published, table1

SHIPPED = Path("data/paper/table1.csv")
HEADER = "group,method,late_concat,vggsound_acc,vggsound_map,cremad_acc,cremad_map,ks_acc,ks_map\n"


@pytest.fixture
def printed(tmp_path):
    path = tmp_path / "table1.csv"
    lines = [
        f"group,{name},,1,2,{50 + place},{60 + place},5,6"
        for place, name in enumerate(TABLE1_ROWS.values())
    ]
    path.write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_columns_of_one_data_set_as_shares_under_our_names(printed):
    rows = table1("cremad", printed)
    assert list(rows.index) == list(TABLE1_ROWS)
    assert rows.loc["audio_only"].to_dict() == {"accuracy": 0.50, "map": 0.60}
    assert rows.loc["concat", "accuracy"] == pytest.approx(0.52)


def test_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="dvc pull data.dvc"):
        published(path=tmp_path / "table1.csv")


def test_unknown_data_set_and_missing_row_are_named(printed):
    with pytest.raises(ValueError, match="'avmnist'"):
        table1("avmnist", printed)
    printed.write_text(printed.read_text(encoding="utf-8").replace("PMR", "PRM"), encoding="utf-8")
    with pytest.raises(ValueError, match="lacks PMR"):
        table1("cremad", printed)


def test_rows_of_ours_that_the_paper_has_are_named_as_in_params():
    ours = {"audio_only", "visual_only", "concat", "olm"}
    assert ours <= set(params.load().rows) & set(TABLE1_ROWS)


@pytest.mark.skipif(not SHIPPED.is_file(), reason="data/ is not pulled: dvc pull data.dvc")
def test_shipped_numbers():
    rows = table1("cremad")
    assert rows.loc["olm"].to_dict() == pytest.approx({"accuracy": 0.624, "map": 0.652})
    assert rows.notna().all(axis=None)
