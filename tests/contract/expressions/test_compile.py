"""What compiles, with which type; and what is refused, where and with which words."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest

from datasync.contract.expressions import ExpressionError, compile_expression, expression_of, nodes
from datasync.contract.expressions.dialects import literal_sql, quote_identifier
from datasync.contract.types import BOOL, STRING, DataType, parse_type
from datasync.errors import UsageError

COLUMNS = {
    name: parse_type(text)
    for name, text in {
        "id": "int64",
        "qty": "int32",
        "big": "uint64",
        "price": "decimal(12,2)",
        "wide": "decimal(38,2)",
        "rate": "float64",
        "thin": "float32",
        "sku": "string",
        "ref": "uuid",
        "doc": "json",
        "day_": "date",
        "at": "timestamp[us, Asia/Seoul]",
        "utc": "timestamp[us, UTC]",
        "naive": "timestamp",
        "nano": "timestamp[ns]",
        "time_": "time",
        "ok": "bool",
        "raw": "binary",
        "tags": "list<string>",
        "drop table": "int32",
    }.items()
}

REFUSED = [
    ("", "an empty expression"),
    ("   ", "an empty expression"),
    ("x" * 2001, "2001 characters"),
    (" + ".join(["id"] * 300), "too many parts"),
    ("(" * 200 + "id" + ")" * 200, "nested too deeply"),
    ("id >", "not an expression"),
    ("id > 0)", "not an expression"),
    ("'open", "quote is not closed"),
    ("id > 0 -- note", "a comment"),
    ("id /* x */ > 0", "a comment"),
    ("id > 0; DROP TABLE x", "more than one statement"),
    ("id > 0; id < 9", "more than one statement"),
    ("DROP TABLE x", "not part of the language"),
    ("SELECT 1", "a query"),
    ("(SELECT 1)", "a subquery"),
    ("EXISTS (SELECT 1)", "a subquery"),
    ("id IN (SELECT 1)", "a subquery"),
    ("pg_sleep(10)", "unknown function pg_sleep()"),
    ("random() > 0.5", "unknown function random()"),
    ("current_user = 'x'", "unknown column 'current_user'"),
    ("count(*) > 1", "unknown function count()"),
    ("sum(qty) > 1", "unknown function sum()"),
    ("max(qty) OVER () > 1", "OVER"),
    ("id::text = '1'", "a cast"),
    ("CAST(id AS text) = '1'", "unknown function cast()"),
    ("$1 = id", "a parameter"),
    (":id = id", "a parameter"),
    ("? = id", "a parameter"),
    ("orders.id = 1", "COLUMN with table"),
    ("pirce > 1", "unknown column 'pirce'"),
    ('"PRICE" > 1', "unknown column 'PRICE'"),
    ("id || 'x' = '1x'", "||"),
    ("sku ILIKE 'a'", "ILIKE"),
    ("sku ~ 'a'", "the operator ~"),
    ("sku SIMILAR TO 'a'", "SIMILAR TO"),
    ("sku COLLATE \"C\" = 'a'", "COLLATE"),
    ("id ^ 2 = 4", "the operator ^"),
    ("tags[1] = 'a'", "not part of the language"),
    ("ARRAY[1] = tags", "not part of the language"),
    ("id / qty > 1", "integer / integer"),
    ("id / 2 > 1", "integer / integer"),
    ("price / qty > 1", "a divisor that can be zero"),
    ("rate / 0 > 1", "a divisor that can be zero"),
    ("id % qty = 0", "a divisor that can be zero"),
    ("price % 2 = 0", "% got decimal(12,2)"),
    ("price = rate", "a comparison of decimal(12,2) and float64"),
    ("price + rate > 1", "the sum of decimal(12,2) and float64"),
    ("wide * id > 1", "the product could need"),
    ("wide + wide > 1", "could need 39 digits"),
    ("at > '2024-01-01'", "a comparison of timestamp[us, Asia/Seoul] and string"),
    ("day_ = '2024-01-01'", "a comparison of date and string"),
    ("naive > at", "a comparison of timestamp[us] and timestamp[us, Asia/Seoul]"),
    ("at > TIMESTAMP '2024-01-01'", "a comparison"),
    ("day_ < naive", "a comparison of date and timestamp[us]"),
    ("nano = naive", "a comparison of timestamp[ns] and timestamp[us]"),
    ("id = '1'", "a comparison of int64 and string"),
    ("ok = 1", "a comparison of bool and int64"),
    ("ok > ok", "bool has no order"),
    ("doc < 'a'", "json has no order"),
    ("ref > 'a'", "uuid has no order"),
    ("ref = 'a'", "'a' is not a uuid"),
    ("raw = raw", "a comparison of binary"),
    ("id = NULL", "a comparison with NULL"),
    ("id IN (1, NULL)", "NULL in the list of IN"),
    ("id IN (qty)", "holds more than fixed values"),
    ("NULL", "of type null"),
    ("coalesce(NULL, NULL)", "nothing but NULL"),
    ("CASE WHEN id THEN 1 END = 1", "WHEN of int64"),
    ("CASE WHEN ok THEN 1 ELSE 'a' END = 1", "CASE of"),
    ("NOT id", "NOT of int64"),
    ("id AND ok", "AND of int64"),
    ("sku LIKE sku", "a LIKE pattern that is not a fixed text"),
    ("sku LIKE 'a!' ESCAPE '!'", "ends in its escape"),
    ("sku LIKE 'a\\%'", "a backslash in a LIKE"),
    ("id LIKE '1%'", "LIKE got int64"),
    ("lower(id) = 'a'", "lower() got int64"),
    ("length(sku, 1) = 1", "length() with 2 arguments"),
    ("lenght(sku) = 1", "unknown function lenght()"),
    ("substr(sku, 0) = 'a'", "not a fixed number"),
    ("substr(sku, qty) = 'a'", "not a fixed number"),
    ("round(rate, 1) = 1", "round() got float64"),
    ("date_diff('month', day_, day_) = 1", "unit 'month'"),
    ("date_diff('hour', day_, day_) = 1", "date_diff('hour') of dates"),
    ("hour(day_) = 1", "hour() got date"),
    ("year(at) = 2024", "year() of timestamp[us, Asia/Seoul]"),
    ("matches(sku, sku)", "not a fixed text"),
    ("matches(sku, '(?=a)')", "regex: (?…)"),
    ("matches(sku, '(')", "regex:"),
    ("day_ + INTERVAL '1' MONTH = day_", "INTERVAL of month"),
    ("day_ + INTERVAL '1' HOUR = day_", "less than a day"),
    ("naive - naive > 1", "timestamp[us] - timestamp[us]"),
    ("day_ + 1 = day_", "date + int64"),
    ("day_ = DATE '2024-02-30'", "DATE '2024-02-30'"),
    ("naive = TIMESTAMP 'soon'", "TIMESTAMP 'soon'"),
    ("rate > 1e5", "number 1e5"),
    ("id > 0x1F", "not part of the language"),
    ("sku = E'a'", "not part of the language"),
    ("least(id, 1) = 1", "unknown function least()"),
    ("length(DISTINCT sku) = 1", "DISTINCT"),
    ("id IS JSON", "IS JSON"),
    ("id < qty < 3", "bool has no order"),
    ("*", "*"),
]


@pytest.mark.parametrize(("text", "found"), REFUSED)
def test_refused(text: str, found: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text, COLUMNS, boolean=True)
    assert found in caught.value.found
    assert 0 <= caught.value.position <= len(text)


ACCEPTED = [
    ("price > 0", "bool"),
    ("price * qty", "decimal(22,2)"),
    ("price + 1.005", "decimal(14,3)"),
    ("id + qty", "int64"),
    ("id > 0.5", "bool"),
    ("rate > 0.01", "bool"),
    ("rate * 2.5", "float64"),
    ("thin > 1", "bool"),
    ("id * rate > 2", "bool"),
    ("big > 18446744073709551615", "bool"),
    ("div(id, 2)", "int64"),
    ("price / 3", "decimal(18,6)"),
    ("rate / NULLIF(rate, 0)", "float64"),
    ("price / NULLIF(price, 0) > 1", "bool"),
    ("lower(sku)", "string"),
    ("coalesce(sku, '')", "string"),
    ("round(price)", "decimal(11,0)"),
    ("day_ + INTERVAL '1' DAY", "date"),
    ("naive - INTERVAL '2' HOUR", "timestamp[us]"),
    ("at > now() - INTERVAL '1' DAY", "bool"),
    ("nano > TIMESTAMP '2024-01-01'", "bool"),
    ("at > TIMESTAMP '2024-01-01 00:00:00+09'", "bool"),
    ("ref = '123E4567-E89B-12D3-A456-426614174000'", "bool"),
    ("doc = '{}'", "bool"),
    ('"drop table" = 1', "bool"),
    ("CASE WHEN ok THEN price ELSE 0 END", "decimal(12,2)"),
    ("CASE sku WHEN 'a' THEN NULL ELSE 1 END", "int64"),
    ("id NOT BETWEEN 1 AND 2", "bool"),
    ("ok IS NOT TRUE", "bool"),
    ("sku IS NOT DISTINCT FROM 'a'", "bool"),
    ("year(utc)", "int64"),
    ("time_ < TIME '12:00'", "bool"),
    ("-9223372036854775808 < id", "bool"),
    ("NULL OR ok", "bool"),
    ("price IN (1, 2.50)", "bool"),
    ("raw IS NULL", "bool"),
    ("tags IS NOT NULL", "bool"),
    ("date_diff('day', day_, today()) <= 3", "bool"),
]


@pytest.mark.parametrize(("text", "kind"), ACCEPTED)
def test_accepted(text: str, kind: str) -> None:
    expression = compile_expression(text, COLUMNS)
    assert str(expression.type) == kind
    assert expression.text == text
    frame = pl.DataFrame(schema={name: _empty(column) for name, column in COLUMNS.items()})
    clock = datetime(2024, 1, 1, tzinfo=UTC)
    assert frame.select(expression.polars(clock)).height in (0, 1)
    for dialect in ("duckdb", "postgres", "mysql"):
        assert expression.sql(dialect, clock)  # type: ignore[arg-type]


def _empty(kind: DataType) -> pl.DataType:
    from datasync.contract.types import polars_type

    return polars_type(kind)


def test_dtype_of_the_result_is_the_type() -> None:
    from datasync.contract.types import of_polars

    frame = pl.DataFrame(
        {"price": [Decimal("1.25")], "qty": [3], "rate": [0.5]},
        schema={"price": pl.Decimal(12, 2), "qty": pl.Int32, "rate": pl.Float64},
    )
    for text in (
        "price * qty",
        "price / 3",
        "qty + 1",
        "rate / 2",
        "coalesce(price, 0)",
        "-price",
        "round(price, 1)",
        "price",
        "qty",
        "length('abc')",
    ):
        expression = compile_expression(text, COLUMNS)
        assert of_polars(frame.select(value=expression.polars()).dtypes[0]) == expression.type, text


def test_where_and_hint() -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression("id > 0 AND pirce > 1", COLUMNS)
    assert caught.value.position == 11
    assert caught.value.hint == "did you mean 'price'?"
    with pytest.raises(ExpressionError, match="did you mean 'length'"):
        compile_expression("lenght(sku) > 1", COLUMNS)


def test_not_boolean() -> None:
    with pytest.raises(ExpressionError, match="of type int64"):
        compile_expression("id + 1", COLUMNS, boolean=True)


def test_columns_and_clock() -> None:
    expression = compile_expression("at < now() AND qty > id AND qty > 1", COLUMNS)
    assert expression.columns == ("at", "qty", "id")
    assert expression.uses_clock
    with pytest.raises(UsageError, match="clock"):
        expression.polars()
    with pytest.raises(UsageError, match="zone"):
        expression.sql("postgres", datetime(2024, 1, 1))


def test_repeated_operands_are_bounded() -> None:
    text = "id"
    for _ in range(30):
        text = f"div({text}, 3)"
    with pytest.raises(ExpressionError, match="too large"):
        compile_expression(text, COLUMNS)


def test_metrics_of_a_run() -> None:
    metrics = {"violation_rate": DataType("float64"), "extracted_records": DataType("int64"), "severity": STRING}
    frame = pl.DataFrame({"violation_rate": [0.02], "extracted_records": [5], "severity": ["critical"]})
    expression = compile_expression(
        "violation_rate > 0.01 AND extracted_records < 10.5 AND severity IN ('critical')", metrics, boolean=True
    )
    assert frame.select(expression.polars()).item() is True


def test_many_parts_stay_shallow() -> None:
    zero = nodes.literal(0, DataType("int64"))
    parts = [nodes.compare(">", nodes.column(f"c{number}", DataType("int64")), zero) for number in range(900)]
    expression = expression_of(nodes.all_of(*parts))
    assert expression.sql("postgres").count("AND") == 899
    assert pl.DataFrame({f"c{number}": [1] for number in range(900)}).select(expression.polars()).item() is True


def test_nothing_heavy_is_imported() -> None:
    code = "import sys, datasync.contract.expressions.formats; print({'polars', 'sqlglot', 'duckdb'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_sqlite_refuses_wide_decimals() -> None:
    with pytest.raises(ExpressionError, match="in SQLite"):
        compile_expression("wide > 0", COLUMNS).sql("sqlite")


def test_nodes_say_the_same_as_text() -> None:
    price, sku = nodes.column("price", COLUMNS["price"]), nodes.column("sku", STRING)
    built = nodes.all_of(
        nodes.compare(">=", price, nodes.literal(Decimal(0), COLUMNS["price"])),
        nodes.any_of(nodes.is_null(sku), nodes.is_in(sku, ["a", "b"])),
        nodes.negate(nodes.compare("=", nodes.call("length", sku), nodes.literal(3, DataType("int64")))),
    )
    text = "price >= 0.00 AND (sku IS NULL OR sku IN ('a', 'b')) AND NOT length(sku) = 3"
    assert expression_of(built).sql("postgres") == compile_expression(text, COLUMNS).sql("postgres")
    assert nodes.all_of() == nodes.Literal(True, BOOL)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (1.5, "int64"),
        (300, "int8"),
        ("x", "int64"),
        (True, "int64"),
        ("1.234", "decimal(6,2)"),
        ("12345.6", "decimal(6,2)"),
        (float("nan"), "float64"),
        (datetime(2024, 1, 1), "timestamp[us, UTC]"),
        (5, "string"),
    ],
)
def test_literals_that_do_not_fit(value: object, kind: str) -> None:
    with pytest.raises(ExpressionError):
        nodes.literal(value, parse_type(kind))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "a\0b", "a\nb", "x" * 300])
def test_identifiers_that_are_refused(name: str) -> None:
    with pytest.raises(ExpressionError):
        quote_identifier(name, "postgres")


def test_identifiers_and_literals_are_quoted() -> None:
    assert quote_identifier('a"b', "postgres") == '"a""b"'
    assert quote_identifier("a`b", "mysql") == "`a``b`"
    assert literal_sql("it's", STRING, "duckdb") == "'it''s'"
    assert "\\" not in literal_sql("\\' OR 1=1", STRING, "mysql")
    with pytest.raises(ExpressionError):
        quote_identifier("é" * 40, "postgres")
    with pytest.raises(ExpressionError):
        literal_sql("a\0b", STRING, "postgres")
