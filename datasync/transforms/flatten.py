"""`flatten: {column: address, fields: {city: string, geo.lat: float64}}`: a nested object in, prefixed typed columns out."""

from __future__ import annotations

from typing import Any

from datasync.contract import processing
from datasync.transforms.parse_json import ParseJson


class Flatten(ParseJson):
    """Reads objects as `parse_json` reads documents; what is neither an object nor null is set aside."""

    def wanted(self) -> processing.ParseJson | processing.Flatten:
        """What the contract says."""
        assert self.item.flatten is not None
        return self.item.flatten

    def fits(self, document: Any) -> bool:
        """Only an object, or null, has fields."""
        return document is None or isinstance(document, dict)
