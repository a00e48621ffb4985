"""A connection to an object store in, nothing out if it answers: the bucket of its root is listed, else its buckets are."""

from __future__ import annotations

from contextlib import closing

from datasync.connectors.files.stores.store import Store, translated
from datasync.errors import PermanentError
from datasync.seams import Connection

KINDS = {
    "aws": "s3", "s3": "s3", "google_cloud_platform": "gs", "gcs": "gs", "gs": "gs", "wasb": "abfs", "adls": "abfs",
    "azure": "abfs", "abfs": "abfs",
}  # fmt: skip
"""Airflow's names of connections, and the short ones, to the scheme of their paths."""


def probe(connection: Connection) -> None:
    """Sign in and list something.

    Raises:
        ConnectorError: it does not answer, or refuses.
    """
    scheme = KINDS[connection.kind]
    root = str(connection.extra.get("root") or "").strip("/")
    with closing(Store(f"{scheme}://{root or 'any-bucket'}", connection)) as store:
        if root:
            store.within(root)
            return
        if scheme == "abfs":
            # adlfs cannot list containers everywhere: that one is not there is an answer, too, and needs a valid key.
            try:
                store.within(store.path)
            except PermanentError as error:
                if error.code != "E_NO_BUCKET":
                    raise
            return
        with translated(f"{scheme}://"):
            store.fs.ls("", detail=True)
