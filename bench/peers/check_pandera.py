"""A Parquet file in, pandera.polars' failure cases counted out: the 13 checks of the bench."""

import sys

import pandera.polars as pa
import polars as pl

frame = pl.read_parquet(sys.argv[1])
schema = pa.DataFrameSchema(
    {
        "id": pa.Column(pl.Int64, unique=True, nullable=False),
        "sku": pa.Column(pl.String, pa.Check.str_matches(r"^SKU-[0-9]{6}$"), nullable=False),
        "price": pa.Column(pl.Float64, [pa.Check.ge(0), pa.Check.le(10000)], nullable=False),
        "qty": pa.Column(pl.Int32, pa.Check.ge(1), nullable=False),
        "currency": pa.Column(pl.String, pa.Check.isin(["KRW", "USD", "EUR"]), nullable=True),
        "seen": pa.Column(pl.Datetime("us", "UTC"), nullable=False),
        "note": pa.Column(pl.String, pa.Check.str_length(max_value=40), nullable=True),
    },
    checks=[pa.Check(lambda data: data.lazyframe.select((pl.col("qty") <= 90) | (pl.col("currency") == "KRW")), name="rule")],
)
try:
    schema.validate(frame, lazy=True)
except pa.errors.SchemaErrors as found:
    print(found.failure_cases.height)
print(frame.height, frame["seen"].max())
