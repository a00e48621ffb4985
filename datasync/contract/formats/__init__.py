"""A YAML tree in any known spelling in, the one model of a contract out; each spelling is one module."""

from __future__ import annotations

import importlib

from datasync.contract.model import Contract
from datasync.contract.yaml_tree import Tree
from datasync.errors import Problem

FORMATS = {"native": "datasync.contract.formats.native", "sync_config": "datasync.contract.formats.sync_config"}
"""Spelling -> the module that reads it; `recognises(tree)` tells whether a file is in it, `normalise` reads it."""


def normalise(tree: Tree, file: str) -> tuple[Contract | None, list[Problem]]:
    """Read a tree in the spelling it is in; native when no other recognises it."""
    for name, path in FORMATS.items():
        module = importlib.import_module(path)
        if name != "native" and module.recognises(tree):
            return module.normalise(tree, file)  # type: ignore[no-any-return]
    native = importlib.import_module(FORMATS["native"])
    return native.normalise(tree, file)  # type: ignore[no-any-return]
