"""gzip and zstd by extension: what was packed comes back, and a stream that is not whole is never taken for one."""

from __future__ import annotations

import gzip
import io
import subprocess
import zlib
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from datasync.connectors.files import compression
from datasync.connectors.files.compression import decompressed, writing
from datasync.errors import PermanentError
from tests.connectors.files.reading import read, source

DATA = b"".join(b"%d,%d\n" % (number, number * 7919 % 10007) for number in range(100_000))


def packed(kind: str, data: bytes = DATA) -> bytes:
    return gzip.compress(data) if kind == ".gz" else bytes(pa.compress(data, codec="zstd", asbytes=True))


def unpacked(data: bytes, kind: str) -> bytes:
    return decompressed(io.BytesIO(data), f"x.csv{kind}").read()


@pytest.mark.parametrize("kind", [".gz", ".zst"])
def test_whole_streams(kind: str) -> None:
    assert unpacked(packed(kind), kind) == DATA
    assert unpacked(packed(kind, b""), kind) == b""
    assert unpacked(packed(kind) + packed(kind, b"more") + packed(kind, b""), kind) == DATA + b"more"


def test_gzip_padded_with_zeros() -> None:
    assert unpacked(packed(".gz") + b"\0" * 1000, ".gz") == DATA


@pytest.mark.parametrize("keep", [0, 1, 9, 10, 11, 1000, -9, -8, -4, -1])
def test_gzip_that_is_cut_off(keep: int) -> None:
    with pytest.raises(PermanentError, match="cut off") as caught:
        unpacked(packed(".gz")[:keep], ".gz")
    assert caught.value.code == "E_SOURCE_CORRUPT"


@pytest.mark.parametrize("data", [b"id,name\n1,a\n", b"PK"])
def test_a_file_that_is_called_gzip_and_is_none(data: bytes) -> None:
    with pytest.raises(PermanentError, match="no gzip, though its name says so") as caught:
        unpacked(data, ".gz")
    assert (caught.value.code, caught.value.hint) == ("E_SOURCE_CORRUPT", "leave .gz out of its name, or compress it")


@pytest.mark.parametrize("keep", [0, 1, 4, 5, 1000, -100, -1])
def test_zstd_that_is_cut_off(keep: int) -> None:
    with pytest.raises(PermanentError) as caught:
        unpacked(packed(".zst")[:keep], ".zst")
    assert caught.value.code == "E_SOURCE_CORRUPT"


@pytest.mark.parametrize("kind", [".gz", ".zst"])
@pytest.mark.parametrize("garbage", [b"x", b"garbage behind the end", b"\x1f", b"\x1f\x8b"])
def test_something_behind_the_end(kind: str, garbage: bytes) -> None:
    with pytest.raises(PermanentError) as caught:
        unpacked(packed(kind) + garbage, kind)
    assert caught.value.code == "E_SOURCE_CORRUPT"


@pytest.mark.parametrize("at", [-8, -7, -4, 5000])
def test_a_wrong_checksum_length_or_body(at: int) -> None:
    data = bytearray(packed(".gz"))
    data[at] ^= 0xFF
    with pytest.raises(PermanentError) as caught:
        unpacked(bytes(data), ".gz")
    assert caught.value.code == "E_SOURCE_CORRUPT"


@pytest.mark.parametrize("kind", [".gz", ".zst"])
def test_what_is_not_compressed_at_all(kind: str) -> None:
    with pytest.raises(PermanentError) as caught:
        unpacked(b"a,b\n1,2\n", kind)
    assert caught.value.code == "E_SOURCE_CORRUPT"


@pytest.mark.parametrize("kind", [".gz", ".zst"])
def test_a_bomb_is_refused_in_bounded_memory(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F40: 200 MB of nothing in 200 kB, and 10 kB of zstd."""
    monkeypatch.setattr(compression, "FREE", 8 << 20)
    (tmp_path / f"x.csv{kind}").write_bytes(packed(kind, b"a\n" + b"0" * (200 << 20)))
    with pytest.raises(PermanentError) as caught:
        read(source("csv", f"x.csv{kind}", tmp_path))
    assert caught.value.code == "E_LIMIT"


def test_real_data_is_no_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "FREE", 1)
    assert unpacked(packed(".gz"), ".gz") == DATA
    assert unpacked(packed(".zst"), ".zst") == DATA


@pytest.mark.parametrize("kind", [".gz", ".zst"])
def test_written_files_are_read_by_others(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"x.csv{kind}"
    with writing(path) as stream:
        stream.write(DATA)
    if kind == ".gz":
        assert subprocess.run(["gzip", "-dc", str(path)], capture_output=True, check=True).stdout == DATA
    assert pl.read_csv(path, has_header=False).height == 100_000
    first = path.read_bytes()
    with writing(path) as stream:
        stream.write(DATA)
    assert path.read_bytes() == first


@pytest.mark.parametrize(("name", "data", "options"), [
    ("x.csv", b"id\n1\n", {}), ("x.ndjson", b'{"id":1}\n', {}), ("x.json", b'[{"id":1}]', {}), ("x.xml", b"<d><r><id>1</id></r></d>", {"row_tag": "r"}),
])  # fmt: skip
@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_every_text_kind_is_read_through_both(
    name: str, data: bytes, options: dict[str, str], suffix: str, tmp_path: Path
) -> None:
    kind = name.partition(".")[2]
    (tmp_path / (name + suffix)).write_bytes(packed(suffix, data))
    for path in (name + suffix, "*" + suffix, "."):
        assert [row[1:] for row in read(source(kind, path, tmp_path, options))[1]] == [("1",)]


def test_raw_deflate_is_no_gzip() -> None:
    with pytest.raises(PermanentError):
        unpacked(zlib.compress(DATA), ".gz")
