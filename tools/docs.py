"""Documents that are generated from code in, their text in docs/ out; `--check` only compares."""

from __future__ import annotations

import json
import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from datasync.contract import alerting, columns, endpoints, freshness, model, processing, rules
from datasync.contract.json_schema import json_schema
from datasync.contract.types import ALIASES, PLAIN

PARTS: Mapping[str, tuple[type[BaseModel], ...]] = {
    "The contract": (model.Contract, model.Run, model.Parameter, model.Quarantine, alerting.Owner, model.Every, model.Assets, model.Cron),
    "source": (endpoints.PostgresSource, endpoints.MysqlSource, endpoints.OracleSource, endpoints.SqliteSource, endpoints.DuckdbSource,
               endpoints.CsvSource, endpoints.ParquetSource, endpoints.NdjsonSource, endpoints.JsonSource, endpoints.XmlSource, endpoints.DeltaSource, endpoints.RestSource,
               endpoints.Pagination, endpoints.GraphqlSource, endpoints.RelayPagination, endpoints.SoapSource, endpoints.CsvOptions,
               endpoints.JsonOptions, endpoints.XmlOptions,
               endpoints.Cursor, endpoints.Changes, endpoints.Partition),
    "columns": (columns.Column, columns.NamedColumnChecks, columns.Reference, columns.Distinct),
    "transform": (processing.Processor, processing.Dedupe, processing.MapValues, processing.ConvertTimezone,
                  processing.NormaliseUnicode, processing.ParseJson, processing.Flatten, processing.JsonField, processing.Explode,
                  processing.Hash, processing.Mask, processing.Lookup, processing.LookupColumn, processing.FormatPayload, processing.Python),
    "rules, freshness, count, expectations": (rules.Rule, rules.CompositeReference, freshness.Freshness, rules.Count, rules.Drift,
                                              rules.Expectation),
    "target": (endpoints.PostgresTarget, endpoints.MysqlTarget, endpoints.SqliteTarget, endpoints.DuckdbTarget, endpoints.CsvTarget,
               endpoints.ParquetTarget, endpoints.NdjsonTarget, endpoints.JsonTarget, endpoints.XmlTarget, endpoints.XmlTargetOptions, endpoints.DeltaTarget, endpoints.Scd2, endpoints.Deletes,
               endpoints.RestTarget, endpoints.GraphqlTarget, endpoints.SoapTarget, endpoints.Response),
    "alerts": (alerting.Alert, alerting.Escalation, alerting.Mute),
}  # fmt: skip


def schema() -> str:
    """Give the JSON Schema."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def reference() -> str:
    """Give the contract reference: every key of every model, from the models themselves."""
    lines = [
        "# Contract reference",
        "",
        "Generated from the code by `make docs`. A key with no default must be given. Unknown keys are errors.",
        "Integers may carry `_`; durations are `90s 15m 24h 7d`; shares `5%` or `0.05`.",
        "",
        f"Types: {', '.join(f'`{name}`' for name in PLAIN)}, `decimal(p,s)`, `timestamp[unit]`, `timestamp[unit, zone]`, `list<type>`; also "
        f"{', '.join(f'`{name}`' for name in sorted(ALIASES))}.",
    ]
    for title, models in PARTS.items():
        lines += ["", f"## {title}"]
        for part in models:
            lines += [
                "",
                f"### {part.__name__}",
                "",
                (part.__doc__ or "").strip(),
                "",
                "| key | value | default | |",
                "|---|---|---|---|",
            ]
            lines += list(_rows(part))
    lines += [
        "",
        "### Metrics",
        "",
        "What a condition or a message of an alert may name. Times are seconds.",
        "",
        "| metric | type | |",
        "|---|---|---|",
    ]
    lines += [f"| `{name}` | {kind} | {alerting.MEANINGS[name]} |" for name, kind in alerting.METRICS.items()]
    return "\n".join(lines) + "\n"


def _rows(part: type[BaseModel]) -> Iterator[str]:
    for name, info in part.model_fields.items():
        default = "" if info.is_required() else _default(info.get_default(call_default_factory=True))
        yield f"| `{name}` | {_type(info.annotation)} | {default} | {(info.description or '').replace('|', '¦')} |"


def _default(value: Any) -> str:
    if value is None or value in ((), {}):
        return "–"
    if isinstance(value, BaseModel):
        return "all defaults"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


_NAMES = {"str": "text", "int": "whole number", "bool": "true, false", "Decimal": "number", "timedelta": "duration", "Fraction": "share",
          "Limit": "share or count", "DataType": "type"}  # fmt: skip


def _type(annotation: Any) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _type(arguments[0])
    if origin is typing.Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin is tuple:
        return f"list of {_type(arguments[0])}"
    if origin is dict:
        return f"mapping to {_type(arguments[1])}"
    if arguments:
        return " or ".join(dict.fromkeys(_type(member) for member in arguments if member is not type(None)))
    name = getattr(annotation, "__name__", str(annotation))
    return _NAMES.get(name, name)


GENERATED: Mapping[str, Callable[[], str]] = {"contract.schema.json": schema, "contract-reference.md": reference}
"""Path under docs/ -> what writes its text."""


def main(check: bool) -> int:
    """Write or compare every generated document; give the exit code."""
    stale = 0
    for name, text_of in GENERATED.items():
        path = Path(__file__).parent.parent / "docs" / name
        text = text_of()
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        if not check:
            path.write_text(text, encoding="utf-8")
        print(f"docs/{name}: {'differs from the code; run make docs' if check else 'written'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
