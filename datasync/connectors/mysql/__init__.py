"""Connectors: mysql (MySQL and MariaDB)."""
