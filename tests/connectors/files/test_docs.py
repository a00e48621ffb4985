"""The contracts of docs/connectors/ in, runs that publish out."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

import datasync
from datasync.connectors.files.stores.manifest import Manifests
from tests.connectors.files import stores

DOCS = Path(__file__).parents[3] / "docs" / "connectors"
NDJSON = gzip.compress(b'{"id":1,"price":9.50}\n')
INPUTS = {
    "files": {"data/stock-1.csv.gz": gzip.compress("sku;name;price\n007;Käse;1,50\nNA;x;1\n".encode("cp1252"))},
    "json": {"data/orders.json": b'{"data":{"orders":[{"id":1,"price":9.50,"lines":[{"a":1}]}]}}'},
    "xml": {
        "data/orders.xml": re.findall(r"```xml\n(.*?)```", (DOCS / "xml.md").read_text(encoding="utf-8"), re.DOTALL)[0].encode()
    },
    "object-stores": {},
}
OUTPUTS = {"files": "out/stock", "json": "out/orders.json", "xml": "out/orders.xml"}


@pytest.mark.parametrize("page", INPUTS)
def test_the_contract_of_the_page_runs(page: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    block = re.findall(r"```yaml\n(# contracts/.*?)```", (DOCS / f"{page}.md").read_text(encoding="utf-8"), re.DOTALL)[0]
    (tmp_path / "datasync.toml").touch()
    (tmp_path / "contracts").mkdir()
    for name, data in INPUTS[page].items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    path = tmp_path / "contracts" / "c.yaml"
    if page != "object-stores":
        path.write_text(block, encoding="utf-8")
        result = datasync.load(path).run()
        assert (result.status, result.rows.published) == ("warned" if page == "files" else "passed", 1)
        assert (tmp_path / OUTPUTS[page]).exists()
        return
    connection = request.getfixturevalue("s3_server")
    with stores.bucket("s3", connection) as bucket:
        path.write_text(block.replace("s3://lake", f"s3://{bucket.name}"), encoding="utf-8")
        bucket.put("in/orders-1.ndjson.gz", NDJSON)
        result = datasync.load(path).run(connections=lambda _: connection)
        assert (result.status, result.rows.published) == ("passed", 1)
        assert Manifests(bucket.store, f"{bucket.name}/marts/orders").latest() is not None
