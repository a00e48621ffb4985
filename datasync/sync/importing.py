"""A file of another spelling in, the text of a native contract out; the source is asked for its columns, no row is read."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter

from datasync.connectors.registry import open_source
from datasync.contract.endpoints import Source
from datasync.contract.formats.rewriting import rewrite, source_block
from datasync.contract.formats.sync_config import read_config, recognises, with_params
from datasync.contract.loader import examine_text
from datasync.contract.types import DataType
from datasync.contract.variables import placeholders
from datasync.contract.yaml_tree import read_tree
from datasync.errors import ContractError, UsageError
from datasync.seams import Connection, ReadRequest, Surroundings
from datasync.sync.project import open_project
from datasync.sync.systems import surroundings


def import_sync_config(
    path: Path,
    name: str | None = None,
    key: Sequence[str] = (),
    params: Mapping[str, str] | None = None,
    connections: Callable[[str], Connection] | None = None,
) -> str:
    """Rewrite an earlier configuration.

    Args:
        path: its file; connections are those of its project.
        name: the contract's; default: the file's.
        key: columns that are the key; default: `id`.
        connections: looks connections up; default: the environment and connections.yaml.
        params: values of the query's params in place of their defaults, to ask the source.

    Returns:
        YAML that lints clean.

    Raises:
        ContractError: everything that has no counterpart, or that the contract's lint refuses.
        UsageError: no such file, another spelling, or no key.
        ConnectorError: the source cannot be asked.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", code="E_NO_CONTRACT") from error
    tree = read_tree(content, str(path))
    if not recognises(tree):
        raise UsageError(f"{path} is no earlier configuration: it has no source.connection_id", code="E_IMPORT")
    config = with_params(read_config(tree, str(path)), params or {})
    block, declared = source_block(config, tree, str(path))
    values = _values(block, declared, params or {})
    types = _columns(block, values, surroundings(open_project(path), connections))
    keys = tuple(key) or ("id",)
    missing = [column for column in keys if column not in types]
    if missing:
        raise UsageError(
            f"the source has no column {', '.join(missing)} to be the key", code="E_IMPORT",
            hint=f"datasync import --key COLUMN names it; there are {', '.join(types)}",
        )  # fmt: skip
    made = rewrite(config, tree, str(path), name or _name(path), (types, keys))
    text = yaml.dump(made, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    _, problems = examine_text(text.encode(), path.with_name(f"{made['contract']}.yaml"))
    errors = [problem for problem in problems if problem.severity != "advice"]
    if errors:
        raise ContractError(errors)
    return text


def _values(block: Mapping[str, Any], declared: Mapping[str, Any], params: Mapping[str, str]) -> dict[str, Any]:
    """Values of the query's params, to ask the source; what names a table or column must have one.

    Raises:
        UsageError: one of those has none.
    """
    known = {name: os.environ.get(f"AIRFLOW_VAR_{name.upper()}") for name, item in declared.items() if "default" not in item}
    values = {name: item.get("default") for name, item in declared.items()} | known | dict(params)
    for name, _ in placeholders(str(block["query"])):
        if values.get(name) is None:
            hint = f"give --param {name}=… or set AIRFLOW_VAR_{name.upper()}"
            raise UsageError(f"param '{name}' has no value, and the query needs it", code="E_PARAM", hint=hint)
    return values


def _columns(block: Mapping[str, Any], params: Mapping[str, Any], around: Surroundings) -> dict[str, DataType | None]:
    """Ask the source which columns its query gives."""
    endpoint = TypeAdapter(Source).validate_python({name: value for name, value in block.items() if name != "changes"})
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    tomorrow = today + timedelta(days=1)
    moments = {"ds": today.date(), "next_ds": tomorrow.date(), "data_interval_start": today, "data_interval_end": tomorrow}
    source = open_source(endpoint, around)
    try:
        with source.read(ReadRequest(variables={**params, **moments, "last_run_time": today, "run_id": "import"})) as reading:
            return {name: reading.types.get(name) for name in reading.header}
    finally:
        source.close()


def _name(path: Path) -> str:
    """A contract's name of a file's."""
    word = re.sub(r"[^a-z0-9]+", "_", path.stem.lower()).strip("_")[:63]
    return word if word[:1].isalpha() else f"sync_{word}"[:63]


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    lines = [line.rstrip() for line in text.splitlines()]
    whole = "\n".join(lines) + ("\n" if text.endswith("\n") else "")
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str", whole if len(lines) > 1 else text, style="|" if len(lines) > 1 else None
    )


_Dumper.add_representer(str, _text)
