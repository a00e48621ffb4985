"""A typed contract and its places in, everything that its types cannot say out; one module per theme."""

from __future__ import annotations

import importlib
from pathlib import Path

from datasync.contract.lint.finding import Finder
from datasync.contract.model import Contract
from datasync.contract.yaml_tree import Tree
from datasync.errors import Problem

THEMES = (
    "source",
    "columns",
    "flow",
    "processors",
    "target",
    "taking",
    "api_target",
    "oracle_target",
    "promises",
    "alerting",
    "surroundings",
)
"""Modules of this folder, each with `find(finder)`."""


def lint(contract: Contract, tree: Tree, file: Path) -> list[Problem]:
    """Find every problem that needs more than one key to see.

    Args:
        contract: typed.
        tree: where its keys stand.
        file: its path, for messages and to find what it names.

    Returns:
        All problems; those of severity `advice` refuse nothing.
    """
    finder = Finder(tree, file, contract=contract)
    for theme in THEMES:
        importlib.import_module(f"datasync.contract.lint.{theme}").find(finder)
    return finder.problems
