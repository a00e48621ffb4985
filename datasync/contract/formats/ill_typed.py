"""Pydantic's complaints about a YAML tree in, one problem in plain words per place out."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from datasync.contract.yaml_tree import Path, Tree, dotted
from datasync.errors import Problem, did_you_mean, shorten


@dataclass(frozen=True, slots=True)
class _Text:
    """What could not be typed."""

    tree: Tree
    file: str
    root: type[BaseModel]


def problems_of(error: ValidationError, tree: Tree, file: str, root: type[BaseModel]) -> Iterator[Problem]:
    """Give one problem per place: of a union's many complaints only the one that fits what stands there.

    Args:
        error: pydantic's.
        tree: what was to be typed, and where its keys stand.
        file: its name, for messages.
        root: the model of the whole tree.
    """
    seen: set[Path] = set()
    for item in error.errors(include_url=False):
        path, model = _walk(item["loc"], tree.value, root)
        if path in seen:
            continue
        seen.add(path)
        yield _problem(item, path, model, _Text(tree, file, root))


def _walk(location: tuple[int | str, ...], value: Any, model: Any) -> tuple[Path, Any]:
    """Drop from pydantic's location what names union members, not keys; give the path and the model there."""
    path: list[str | int] = []
    for part in location:
        if isinstance(part, int):
            path.append(part)
            model = _item(model)
            value = value[part] if isinstance(value, tuple) and part < len(value) else None
            continue
        known = _fields(model)
        if isinstance(value, dict) and (part in value or part in known):
            path.append(part)
            model = known.get(part, _item(model)) if known else _item(model)
            value = value.get(part)
        elif not isinstance(value, dict) and part in known:
            path.append(part)
        else:
            model = _member(model, part)
    return tuple(path), model


def _unwrap(model: Any) -> list[Any]:
    """The members of a union, or the thing itself, without Annotated and None."""
    origin = typing.get_origin(model)
    if origin is typing.Annotated:
        return _unwrap(typing.get_args(model)[0])
    if origin in (typing.Union, types.UnionType):
        return [inner for member in typing.get_args(model) if member is not type(None) for inner in _unwrap(member)]
    return [model]


def _fields(model: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for member in _unwrap(model):
        if isinstance(member, type) and issubclass(member, BaseModel):
            for name, info in member.model_fields.items():
                found.setdefault(name, info.annotation)
    return found


def _item(model: Any) -> Any:
    """The type of a list's items or a mapping's values."""
    for member in _unwrap(model):
        arguments = typing.get_args(member)
        if typing.get_origin(member) is dict:
            return arguments[1]
        if typing.get_origin(member) in (tuple, list):
            return arguments[0]
    return None


def _member(model: Any, tag: str) -> Any:
    """The union member that pydantic calls by its discriminator or class name."""
    for member in _unwrap(model):
        if isinstance(member, type) and issubclass(member, BaseModel):
            kind = member.model_fields.get("type")
            if member.__name__ == tag or (kind is not None and tag in typing.get_args(kind.annotation)):
                return member
    return model


def _problem(item: Any, path: Path, model: Any, text: _Text) -> Problem:
    place = text.tree.place(path)
    on_key = item["type"] in ("extra_forbidden", "missing")
    line, column = (place.line, place.column) if on_key else (place.value_line or place.line, place.value_column or place.column)
    found, allowed, hint = _words(item, path, model, text)
    return Problem(dotted(path), found, allowed, hint, text.file, line, column, "E_CONTRACT")


_NAMES = {
    "string_type": "text", "int_type": "a whole number", "bool_type": "true or false",
    "tuple_type": "a list", "list_type": "a list",
    "dict_type": "a mapping", "model_type": "a mapping", "model_attributes_type": "a mapping",
}  # fmt: skip


def _words(item: Any, path: Path, model: Any, text: _Text) -> tuple[str, str, str]:
    kind, given, context = item["type"], item.get("input"), item.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(path, text)
    if kind == "missing":
        return f"'{path[-1]}' is missing", _describe(model), ""
    if kind == "union_tag_not_found":
        return "'type' is missing", context.get("discriminator", "type"), ""
    if kind == "union_tag_invalid":
        tags = context.get("expected_tags", "").replace("'", "")
        return f"unknown type '{context.get('tag')}'", tags, did_you_mean(str(context.get("tag")), tags.split(", "))
    if kind == "literal_error":
        allowed = context.get("expected", "").replace("'", "").replace(" or ", ", ")
        return _shown(given), allowed, did_you_mean(str(given), allowed.split(", "))
    if kind == "value_error":
        error = context.get("error", "")
        return _shown(given), str(error), getattr(error, "hint", "")
    if kind == "string_type" and path and path[-1] == "version" and not isinstance(given, dict | tuple):
        return f"the number {given}", "text", f'quote it: version: "{given}"'
    if kind in _NAMES:
        return f"{_shown(given)}, which is {kind_word(given)}", _NAMES[kind], _rewritten(kind, given)
    if kind == "string_pattern_mismatch":
        return _unlike(given, str(context.get("pattern")))
    return _shown(given), _plain_message(item["msg"]), ""


def _rewritten(kind: str, given: Any) -> str:
    """Say how a single value is written where text or a list is wanted."""
    if isinstance(given, dict | tuple | type(None)):
        return ""
    if kind == "string_type":
        return "write it in quotes"
    if _NAMES[kind] != "a list":
        return ""
    plain = not isinstance(given, str) or given.replace("_", "").isalnum()
    return f"write [{given}]" if plain else f"write {json.dumps([given], ensure_ascii=False)}"


def _unlike(given: Any, pattern: str) -> tuple[str, str, str]:
    """Say that a text has another form."""
    if pattern.startswith(r"^\$\{env:"):
        # Whoever writes a secret there has written it down once too often already.
        return "a literal, which is not shown", "${env:NAME}, the name of an environment variable", "secrets stand in no contract"
    return _shown(given), _pattern(pattern), ""


def _pattern(pattern: str) -> str:
    known = {"^[a-z][a-z0-9_]*$": "a lower-case letter, then lower-case letters, digits and _"}
    return known.get(pattern, f"text of the form {pattern}")


def _plain_message(message: str) -> str:
    text = message.removeprefix("Input should be ").removeprefix("Value error, ").replace("input should be ", "")
    return text.replace("tuple", "list").replace("dictionary", "mapping")


def _unknown_key(path: Path, text: _Text) -> tuple[str, str, str]:
    parent = _model_at(path[:-1], text)
    allowed = list(_fields(parent))
    return f"unknown key '{path[-1]}'", ", ".join(allowed), did_you_mean(str(path[-1]), allowed)


def _model_at(path: Path, text: _Text) -> Any:
    model: Any = text.root
    value: Any = text.tree.value
    for part in path:
        known = _fields(model)
        model = _item(model) if isinstance(part, int) else known.get(part, _item(model)) if known else _item(model)
        value = value[part] if isinstance(value, dict | tuple) else None  # type: ignore[index]
        if isinstance(value, dict) and isinstance(value.get("type"), str):
            model = _member(model, value["type"])
    return model


def _describe(model: Any) -> str:
    fields = _fields(model)
    return ", ".join(fields) if fields else ""


def kind_word(value: Any) -> str:
    """Say in a word what a value of YAML is."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true or false"
    names: dict[type, str] = {dict: "a mapping", tuple: "a list", str: "text"}
    return names.get(type(value), "a number")


def _shown(value: Any) -> str:
    if isinstance(value, dict | tuple):
        return kind_word(value)
    if value is None:
        return "nothing"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"'{shorten(text, 80)}'" if isinstance(value, str) else text
