"""A typed contract and its places in, everything that its types cannot say out."""

from __future__ import annotations

from pathlib import Path

from datasync.contract.model import Contract
from datasync.contract.yaml_tree import Tree
from datasync.errors import Problem


def lint(contract: Contract, tree: Tree, file: Path) -> list[Problem]:
    """Find every problem that needs more than one key to see."""
    return []
