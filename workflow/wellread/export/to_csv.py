"""Tables as CSV, a part at a time, however long they are."""

import pyarrow.csv as pc
import pyarrow.parquet as pq

from wellread.runtime.files import whole


def to_csv(table, out) -> None:
    """Write the Parquet file `table` as CSV: UTF-8, a header, numbers in full, nothing where values are missing."""
    source = pq.ParquetFile(table)
    with whole(out) as part, pc.CSVWriter(part, source.schema_arrow, write_options=_options()) as writer:
        for rows in source.iter_batches():
            writer.write_batch(rows)


def _options() -> pc.WriteOptions:
    """Quotes around text that needs them only, as spreadsheets write it."""
    return pc.WriteOptions(quoting_style="needed")
