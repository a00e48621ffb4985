"""Frames in before all is known that they will be read with, the same frames out: in memory, or in a file without a name."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import polars as pl

from datasync.errors import StorageError
from datasync.seams import UnreadableRow

IN_MEMORY = 64 << 20
"""Bytes of frames that are held in memory; what comes behind them goes to the file."""
_UNREADABLE = {"position": pl.Int64(), "reason": pl.String(), "text": pl.String()}


class Spool:
    """Keeps batches until they are read, once.

    Args:
        folder: where the file may lie. It is unlinked as soon as it is open: nothing is left of it after a crash.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[bytes] | None = None
        self._kept: list[pl.DataFrame | tuple[int, int]] = []
        self._held = 0.0

    def put(self, rows: pl.DataFrame, unreadable: Sequence[UnreadableRow]) -> None:
        """Keep a batch.

        Raises:
            StorageError: the disk does not take it.
        """
        lost = pl.DataFrame(
            [(row.position, row.reason, row.text) for row in unreadable], schema=_UNREADABLE, orient="row"
        )  # fmt: skip
        for frame in (rows, lost):
            self._held += frame.estimated_size()
            self._kept.append(frame if self._held <= IN_MEMORY else self._stored(frame))

    def _stored(self, frame: pl.DataFrame) -> tuple[int, int]:
        written = io.BytesIO()
        frame.write_ipc(written, compression="lz4")
        try:
            if self._file is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed by close()
            start = self._file.seek(0, io.SEEK_END)
            self._file.write(written.getvalue())
            self._file.flush()
        except OSError as error:
            raise StorageError(
                f"pages that were read could not be stored: {error.strerror}", code="E_SPOOL", stage="extract",
                hint="make room where .datasync lies, or set DATASYNC_HOME",
            ) from error  # fmt: skip
        return start, written.tell()

    def take(self) -> Iterator[tuple[pl.DataFrame, list[UnreadableRow]]]:
        """Give the batches in order and forget them."""
        while self._kept:
            rows, lost = self._read(self._kept.pop(0)), self._read(self._kept.pop(0))
            yield rows, [UnreadableRow(*row) for row in lost.iter_rows()]

    def _read(self, kept: pl.DataFrame | tuple[int, int]) -> pl.DataFrame:
        if isinstance(kept, pl.DataFrame):
            return kept
        assert self._file is not None
        self._file.seek(kept[0])
        return pl.read_ipc(io.BytesIO(self._file.read(kept[1])))

    def close(self) -> None:
        """Let go of the file."""
        self._kept.clear()
        if self._file is not None:
            self._file.close()
            self._file = None
