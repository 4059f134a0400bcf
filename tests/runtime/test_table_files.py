"""Tables know what they are; what another version wrote is refused, and pandas reads them as ever."""

import pandas as pd
import pyarrow.parquet as pq
import pytest
from wellread.runtime import table_files
from wellread.runtime.errors import InputError

FRAME = pd.DataFrame({"plate": ["a", "b"], "n": [1, 2]})


def test_a_table_comes_back_as_it_was(tmp_path):
    table_files.write(FRAME.iloc[::-1], tmp_path / "t.parquet", "cells")
    expected = FRAME.iloc[::-1].reset_index(drop=True)
    pd.testing.assert_frame_equal(table_files.read(tmp_path / "t.parquet", "cells"), expected)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "t.parquet"), expected)
    assert list(table_files.read(tmp_path / "t.parquet", "cells", columns=["n"])) == ["n"]
    assert table_files.check(tmp_path / "t.parquet", "cells").num_rows == 2


@pytest.mark.parametrize(("rows", "groups"), [(100, [6]), (4, [4, 2]), (1, [2, 2, 2])])
def test_parts_come_back_in_order_however_many_are_written_at_a_time(tmp_path, monkeypatch, rows, groups):
    monkeypatch.setattr(table_files, "ROWS", rows)
    path, frames = tmp_path / "t.parquet", [FRAME.assign(n=[2 * i, 2 * i + 1]) for i in range(3)]
    with table_files.parts(path, "cells") as add:
        for frame in frames:
            add(frame)
    assert table_files.read(path, "cells")["n"].tolist() == list(range(6))
    found = pq.read_metadata(path)
    assert [found.row_group(i).num_rows for i in range(found.num_row_groups)] == groups


def test_another_kind_another_version_and_no_version_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "t.parquet"
    table_files.write(FRAME, path, "cells")
    with pytest.raises(InputError, match=r"objects 1\n.*cells 1"):
        table_files.read(path, "objects")
    monkeypatch.setitem(table_files.VERSIONS, "cells", 2)
    with pytest.raises(InputError, match=r"cells 2\n.*cells 1"):
        table_files.read(path, "cells")
    FRAME.to_parquet(path)
    with pytest.raises(InputError, match="without a version"):
        table_files.read(path, "cells")


def test_a_damaged_file_is_refused_in_plain_words(tmp_path):
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(InputError, match=r"t\.parquet"):
        table_files.read(tmp_path / "t.parquet", "cells")
