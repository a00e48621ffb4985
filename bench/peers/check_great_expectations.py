"""A Parquet file in, Great Expectations' verdicts on a pandas frame out: the 13 checks of the bench."""

import sys

import great_expectations as gx
import pandas as pd

frame = pd.read_parquet(sys.argv[1])
frame["rule"] = (frame["qty"] <= 90) | (frame["currency"] == "KRW")
context = gx.get_context(mode="ephemeral")
asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("events")
batch = asset.add_batch_definition_whole_dataframe("all")
e = gx.expectations
suite = context.suites.add(gx.ExpectationSuite(name="events"))
for made in (
    *(e.ExpectColumnValuesToNotBeNull(column=name) for name in ("id", "sku", "price", "qty", "seen")),
    e.ExpectColumnValuesToBeUnique(column="id"),
    e.ExpectColumnValuesToMatchRegex(column="sku", regex=r"^SKU-[0-9]{6}$"),
    e.ExpectColumnValuesToBeBetween(column="price", min_value=0, max_value=10000),
    e.ExpectColumnValuesToBeBetween(column="qty", min_value=1),
    e.ExpectColumnValuesToBeInSet(column="currency", value_set=["KRW", "USD", "EUR"]),
    e.ExpectColumnValueLengthsToBeBetween(column="note", max_value=40),
    e.ExpectColumnValuesToBeInSet(column="rule", value_set=[True]),
    e.ExpectTableRowCountToBeBetween(min_value=1),
):
    suite.add_expectation(made)
definition = gx.ValidationDefinition(name="events", data=batch, suite=suite)
context.validation_definitions.add(definition)
found = definition.run(batch_parameters={"dataframe": frame}, result_format="SUMMARY")
print([result.result.get("unexpected_count") for result in found.results], frame["seen"].max())
