"""A file of another spelling in, the text of a native contract out; the source is asked for its columns."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from datasync.contract.formats.rewriting import rewrite, source_block
from datasync.contract.formats.sync_config import problem_at, read_config, recognises, with_params
from datasync.contract.formats.sync_judging import judge
from datasync.contract.formats.sync_variables import RUN_VARIABLES
from datasync.contract.loader import examine_text
from datasync.contract.variables import placeholders
from datasync.contract.yaml_tree import read_tree
from datasync.errors import ContractError, Problem, UsageError
from datasync.sync.asking import Circumstances, UnfitBlock, ask
from datasync.sync.project import open_project
from datasync.sync.systems import surroundings


def import_sync_config(
    path: Path,
    name: str | None = None,
    key: Sequence[str] = (),
    circumstances: Circumstances | None = None,
) -> str:
    """Rewrite an earlier configuration.

    Args:
        path: its file; connections are those of its project.
        name: the contract's; default: the file's.
        key: columns that are the key; default: `id`.
        circumstances: what the source is asked with.

    Returns:
        YAML that lints clean.

    Raises:
        ContractError: everything that has no counterpart, or that the contract's lint refuses.
        UsageError: no such file, another spelling, or no key.
        ConnectorError: the source cannot be asked.
    """
    given = circumstances or Circumstances()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", code="E_NO_CONTRACT") from error
    tree = read_tree(content, str(path))
    if not recognises(tree):
        raise UsageError(
            f"{path} is no earlier configuration: it has neither connection_id nor a type of that spelling", code="E_IMPORT"
        )
    read = read_config(tree, str(path))
    _refuse(judge(read, tree, str(path)))
    config = with_params(read, given.params)
    block, declared = source_block(config, tree, str(path))
    values = _values(block, declared, given)
    keys = tuple(key) or ("id",)
    try:
        columns = ask(config, block, values, keys, surroundings(open_project(path), given.connections))
    except UnfitBlock as error:
        raise ContractError([problem_at(tree, str(path), ("source", *error.where), error.found)]) from None
    made = rewrite(config, tree, str(path), name or _name(path), columns)
    text = yaml.dump(made, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    _, problems = examine_text(text.encode(), path.with_name(f"{made['contract']}.yaml"))
    _refuse(problems)
    return text


def _refuse(problems: Iterable[Problem]) -> None:
    errors = [problem for problem in problems if problem.severity != "advice"]
    if errors:
        raise ContractError(errors)


def _values(block: Mapping[str, Any], declared: Mapping[str, Any], given: Circumstances) -> dict[str, Any]:
    """Values of the params and run variables, to ask the source; what names a table or column must have one.

    Raises:
        UsageError: one of those has none.
    """
    known = {name: os.environ.get(f"AIRFLOW_VAR_{name.upper()}") for name, item in declared.items() if "default" not in item}
    values = {name: item.get("default") for name, item in declared.items()} | known | dict(given.params)
    for name, _ in placeholders(str(block.get("query") or block.get("path") or block.get("endpoint"))):
        if name not in RUN_VARIABLES and values.get(name) is None:
            hint = f"give --param {name}=… or set AIRFLOW_VAR_{name.upper()}"
            raise UsageError(f"param '{name}' has no value, and the query needs it", code="E_PARAM", hint=hint)
    return values | given.moments()


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
