"""A Parquet file in, pointblank's extracts of failing rows counted out: the 13 checks of the bench."""

import sys

import pointblank as pb
import polars as pl

frame = pl.read_parquet(sys.argv[1])
judged = (
    pb.Validate(frame)
    .col_vals_not_null(columns=["id", "sku", "price", "qty", "seen"])
    .rows_distinct(columns_subset="id")
    .col_vals_regex(columns="sku", pattern=r"^SKU-[0-9]{6}$", na_pass=True)
    .col_vals_ge(columns="price", value=0, na_pass=True)
    .col_vals_le(columns="price", value=10000, na_pass=True)
    .col_vals_ge(columns="qty", value=1, na_pass=True)
    .col_vals_in_set(columns="currency", set=["KRW", "USD", "EUR"])
    .col_vals_expr(expr=pl.col("note").str.len_chars().fill_null(0) <= 40)
    .col_vals_expr(expr=(pl.col("qty") <= 90) | (pl.col("currency") == "KRW"))
    .interrogate()
)
print({step: 0 if rows is None else rows.height for step, rows in judged.get_data_extracts().items()})
print(frame.height, frame["seen"].max())
