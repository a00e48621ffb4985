"""`datasync compare`: the rows in which two tables differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from datasync.cli.options import json_option, param_option, parsed_params

if TYPE_CHECKING:
    from datasync.compare.values import Comparison, Side


@click.command()
@click.argument("tables", nargs=-1, required=True, metavar="CONTRACT | A B")
@click.option("--key", help="Columns that say which rows belong together, with commas between; default: the contract's key.")
@click.option("--columns", help="Compare only these, with commas between; default: all that either table has.")
@click.option("--where", metavar="RULE", help='Compare only rows for which this rule is true, such as "id > 5".')
@click.option("--limit", type=click.IntRange(0, 10_000), default=10, show_default=True, help="Differences that are listed.")
@click.option("--show-values", is_flag=True, help="Show values as they are; else only their shapes.")
@param_option
@json_option
def compare(tables: tuple[str, ...], as_json: bool, **given: Any) -> int:
    """Compare two tables row by row, also in two databases of different kinds; one CONTRACT: its target with its shadow.

    A table is CONNECTION:schema.table, sqlite:PATH:table, duckdb:PATH:table, file:PATH or contract:NAME (its target).
    Both are only read. Exit codes: 0 the same, 1 different, 2 the command line is wrong, 3 a system failed.
    """
    if len(tables) > 2:
        raise click.UsageError("two tables are compared, or one contract's target with its shadow")
    from datasync.cli.presenter import print_json
    from datasync.compare.comparing import Question
    from datasync.sync.comparing import compare_places

    question = Question(
        _names(given["key"]) or (), _names(given["columns"]), given["where"], given["limit"], given["show_values"]
    )
    found = compare_places(tables, question, parsed_params(given["params"]))
    if as_json:
        print_json(_document(found))
    else:
        _show(found)
    return 0 if found.same else 1


def _names(text: str | None) -> tuple[str, ...] | None:
    return tuple(name.strip() for name in text.split(",") if name.strip()) if text is not None else None


def _document(found: Comparison) -> dict[str, Any]:
    def side(one: Side) -> dict[str, Any]:
        return {name: getattr(one, name) for name in type(one).__slots__} | {"lacks": list(one.lacks)}

    return {
        "status": "same" if found.same else "different",
        "a": side(found.a), "b": side(found.b), "key": list(found.key), "columns": list(found.columns), "where": found.where,
        "only_a": found.only_a, "only_b": found.only_b, "different": found.different, "by_column": dict(found.by_column),
        "differences": [
            {"kind": one.kind, "key": list(one.key), "columns": {name: list(pair) for name, pair in one.columns.items()}}
            for one in found.samples
        ],
        "fetched": found.fetched, "notes": list(found.notes), "seconds": round(found.seconds, 3),
    }  # fmt: skip


def _show(found: Comparison) -> None:
    from rich.markup import escape

    from datasync.cli.presenter import console

    shown = console()

    def line(word: str, text: str) -> None:
        shown.print(f"  [bright_black]{word:<10}[/]{escape(text)}", soft_wrap=True)

    sign, colour = ("✓ the same", "green") if found.same else ("✗ different", "red")
    shown.print(f"[{colour} bold]{sign}[/] [bright_black]by {escape(', '.join(found.key))} · {found.seconds:.1f} s[/]")
    for word, side in (("A", found.a), ("B", found.b)):
        line(word, _side(side))
    line("rows", f"{found.only_a:,} only in A · {found.only_b:,} only in B · {found.different:,} different")
    if found.by_column:
        line(
            "columns",
            ", ".join(f"{name} {count:,}" for name, count in sorted(found.by_column.items(), key=lambda item: -item[1])),
        )
    for note in found.notes:
        line("note", note)
    for one in found.samples:
        key = ", ".join(_cell(text) for text in one.key)
        what = "; ".join(f"{name}: {_cell(a)} → {_cell(b)}" for name, (a, b) in one.columns.items())
        line({"only_a": "only in A", "only_b": "only in B", "different": "different"}[one.kind], f"{key}  {what}".rstrip())
    line("read", f"{found.fetched:,} rows fetched · {found.a.queries} and {found.b.queries} statements")


def _side(side: Side) -> str:
    parts = [f"{side.label} · {side.rows:,} rows"]
    if side.null_keys:
        parts.append(f"{side.null_keys:,} without a key")
    if side.duplicate_keys:
        parts.append(f"{side.duplicate_keys:,} keys several times ({side.duplicate_rows:,} rows)")
    if side.unreadable:
        parts.append(f"{side.unreadable:,} rows could not be read")
    if side.lacks:
        parts.append(f"lacks {', '.join(side.lacks)}")
    return " · ".join(parts)


def _cell(text: str | None) -> str:
    return "NULL" if text is None else text or "''"
