"""A contract in, the Airflow asset that its publishing updates out."""

from __future__ import annotations

from urllib.parse import quote

from airflow.sdk import Asset

from datasync.contract.model import Contract


def asset_of(contract: Contract) -> Asset | None:
    """Give the asset `datasync://<target>`, named after the contract; None for a contract without target."""
    uri = asset_uri(contract)
    return None if uri is None else Asset(name=contract.contract, uri=uri, group="datasync")


def asset_uri(contract: Contract) -> str | None:
    """Give the asset's URI: the target's connection or kind, then its database, table or path."""
    target = contract.target
    if target is None:
        return None
    place = getattr(target, "connection", None) or target.type
    parts = [getattr(target, name, None) for name in ("database", "table", "path")]
    what = "/".join(quote(part.strip("/"), safe="/.-_") for part in parts if part)
    return f"datasync://{quote(place, safe='.-_')}/{what}"
