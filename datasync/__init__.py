"""datasync: declarative data contracts that gate every sync."""

__version__ = "0.1.0"
