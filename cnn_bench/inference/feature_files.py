"""Writing features to a file batch by batch; the file appears whole or not at all.

F.npz       `features` (n, ...) float32, `labels` (n,) int32, `indices` (n,) int64 in the split, `about`: JSON
F.parquet   columns `index`, `label`, `features`: lists of one length, row by row of an image's array; the schema's
            metadata has its `shape`, and `about`
"""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from cnn_bench.errors import UserError
from cnn_bench.files import write_atomically
from cnn_bench.inference.features import Extraction

ROW_GROUP_BYTES = 32 << 20  # of features


def check(out: str | Path) -> Path:
    """`out` as a path that can be written. Raises UserError for an unknown ending or a missing folder."""
    out = Path(out)
    if out.suffix not in WRITERS:
        raise UserError(f'--out {out} must end in {" or ".join(WRITERS)}')
    if out.is_dir():
        raise UserError(f'--out {out} is a directory')
    if not out.parent.is_dir():
        raise UserError(f'--out {out}: there is no directory {out.parent}')
    if out.suffix == '.parquet':
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError as error:
            raise UserError(f'--out {out} needs pyarrow: pip install pyarrow') from error
    return out


def write(extraction: Extraction, out: str | Path) -> None:
    """Write the features to `out`, in the format of its ending."""
    out = check(out)
    write_atomically(out, lambda file: WRITERS[out.suffix](extraction, file))


def _npz(extraction: Extraction, file: BinaryIO) -> None:
    labels = np.empty(extraction.count, np.int32)
    at = 0
    with zipfile.ZipFile(file, 'w') as archive:
        with archive.open('features.npy', 'w', force_zip64=True) as member:
            shape = (extraction.count, *extraction.shape)
            header = {'descr': np.lib.format.dtype_to_descr(np.dtype('<f4')), 'fortran_order': False, 'shape': shape}
            np.lib.format.write_array_header_1_0(member, header)
            for features, own in extraction:
                member.write(np.ascontiguousarray(features, '<f4').data)
                labels[at : at + len(own)] = own
                at += len(own)
        beside = {'labels': labels, 'indices': np.arange(extraction.count), 'about': json.dumps(extraction.about)}
        for name, array in beside.items():
            with archive.open(f'{name}.npy', 'w') as member:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)


def _parquet(extraction: Extraction, file: BinaryIO) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    numbers = int(np.prod(extraction.shape))
    kind = pa.list_(pa.float32(), numbers)
    metadata = {'shape': json.dumps(extraction.shape), 'about': json.dumps(extraction.about)}
    schema = pa.schema([('index', pa.int64()), ('label', pa.int32()), ('features', kind)], metadata)
    rows_of_group = max(1, ROW_GROUP_BYTES // (4 * numbers))
    at, waiting, held = 0, [], 0
    with pq.ParquetWriter(file, schema) as writer:
        for features, labels in extraction:
            rows = pa.FixedSizeListArray.from_arrays(pa.array(features.reshape(-1)), type=kind)
            index = pa.array(np.arange(at, at + len(labels)))
            waiting.append(pa.record_batch([index, pa.array(labels), rows], schema=schema))
            at, held = at + len(labels), held + len(labels)
            if held >= rows_of_group:
                writer.write_table(pa.Table.from_batches(waiting))
                waiting, held = [], 0
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting))


WRITERS: dict[str, Callable[[Extraction, BinaryIO], None]] = {'.npz': _npz, '.parquet': _parquet}
