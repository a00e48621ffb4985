"""A YAML tree in the native spelling in, the typed contract out, or each thing that is wrong with it in plain words."""

from __future__ import annotations

from pydantic import ValidationError

from datasync.contract.formats.ill_typed import kind_word, problems_of
from datasync.contract.model import Contract
from datasync.contract.yaml_tree import Tree
from datasync.errors import Problem


def recognises(tree: Tree) -> bool:
    """Tell whether a tree is in this spelling."""
    return isinstance(tree.value, dict) and "contract" in tree.value


def normalise(tree: Tree, file: str) -> tuple[Contract | None, list[Problem]]:
    """Type a tree.

    Returns:
        The contract, or None when it cannot be typed; and the problems found.
    """
    if not isinstance(tree.value, dict):
        found = "an empty file" if tree.value is None else f"a {kind_word(tree.value)}"
        return None, [Problem("", found, "a mapping that begins with contract: NAME", file=file, line=1, column=1)]
    try:
        return Contract.model_validate(tree.value), []
    except ValidationError as error:
        return None, list(problems_of(error, tree, file, Contract))
