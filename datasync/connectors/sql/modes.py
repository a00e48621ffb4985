"""A spec and two table names in, what its write mode does out: the one place that tells modes and deletes apart."""

from __future__ import annotations

from datasync.connectors.sql import deletes, statements, written
from datasync.connectors.sql.history import Laying
from datasync.connectors.sql.statements import Tables
from datasync.seams import Published, Removals, TargetSpec


def dml(spec: TargetSpec, tables: Tables) -> list[str]:
    """Give the statements that make staging the target's content; they need an open transaction."""
    if spec.history is not None:
        return Laying(spec, tables).statements()
    return deletes.merging(spec, tables) if spec.deletes is not None else statements.dml(spec, tables)


def survivors(spec: TargetSpec, tables: Tables) -> str | None:
    """Give SQL after FROM for the target's rows that publishing leaves as they are; None: none."""
    if spec.history is not None:
        return Laying(spec, tables).survivors()
    return deletes.survivors(spec, tables) if spec.deletes is not None else statements.survivors(spec, tables)


def removals(spec: TargetSpec, tables: Tables) -> Removals | None:
    """Say which of the target's rows publishing takes away; None: it never takes one."""
    return Laying(spec, tables).removals() if spec.history is not None else deletes.removals(spec, tables)


def judged(spec: TargetSpec, tables: Tables, exists: bool) -> tuple[str | None, Removals | None]:
    """Give what the audit asks of the table: its survivors and its removals; neither where there is no table."""
    return (survivors(spec, tables), removals(spec, tables)) if exists else (None, None)


def published(spec: TargetSpec, tables: Tables) -> Published | None:
    """Give the relations to compare after a publish; None where this run's rows can't be told from others."""
    if spec.history is not None:
        return Laying(spec, tables).written()
    return deletes.written(spec, tables) if spec.deletes is not None else written.written(spec, tables)
