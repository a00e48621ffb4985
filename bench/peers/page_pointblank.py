"""Orders in, pointblank's HTML report of the promises of `contracts/orders.yaml` out."""

import sys

import pointblank as pb
import polars as pl

frame = pl.read_csv(sys.argv[1], schema_overrides={"Postal Code": pl.String})
judged = (
    pb.Validate(frame, tbl_name="orders", label="Orders of the shop", thresholds=pb.Thresholds(warning=1, error=0.01))
    .col_vals_not_null(columns=list(frame.columns))
    .col_vals_in_set(columns="Ship Mode", set=["First Class", "Second Class", "Standard Class", "Same Day"])
    .col_vals_in_set(columns="Segment", set=["Consumer", "Corporate", "Home Office"])
    .col_vals_regex(columns="Postal Code", pattern=r"^[0-9]{5}$")
    .col_vals_in_set(columns="Region", set=["Central", "East", "South", "West"])
    .col_vals_gt(columns="Sales", value=0)
    .col_vals_ge(columns="Quantity", value=1)
    .col_vals_between(columns="Discount", left=0, right=1)
    .col_vals_expr(expr=pl.col("Profit") <= pl.col("Sales"))
    .interrogate()
)
with open(sys.argv[2], "w", encoding="utf-8") as page:
    page.write("<!doctype html><meta charset=utf-8>" + judged.get_tabular_report().as_raw_html())
