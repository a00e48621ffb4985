"""Orders in, Great Expectations' Data Docs of the promises of `contracts/orders.yaml` out."""

import sys

import great_expectations as gx
import pandas as pd

frame = pd.read_csv(sys.argv[1], dtype={"Postal Code": str})
frame["profit_within_sales"] = frame["Profit"] <= frame["Sales"]
context = gx.get_context(mode="ephemeral")
context.variables.data_docs_sites = {}
backend = {"class_name": "TupleFilesystemStoreBackend", "base_directory": sys.argv[2]}
context.add_data_docs_site(
    "orders",
    {"class_name": "SiteBuilder", "store_backend": backend, "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"}},
)
asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("orders")
batch = asset.add_batch_definition_whole_dataframe("all")
e = gx.expectations
suite = context.suites.add(gx.ExpectationSuite(name="orders"))
for made in (
    *(e.ExpectColumnValuesToNotBeNull(column=name) for name in frame.columns if name != "profit_within_sales"),
    e.ExpectColumnValuesToBeInSet(column="Ship Mode", value_set=["First Class", "Second Class", "Standard Class", "Same Day"]),
    e.ExpectColumnValuesToBeInSet(column="Segment", value_set=["Consumer", "Corporate", "Home Office"]),
    e.ExpectColumnValuesToMatchRegex(column="Postal Code", regex=r"^[0-9]{5}$"),
    e.ExpectColumnValuesToBeInSet(column="Region", value_set=["Central", "East", "South", "West"]),
    e.ExpectColumnValuesToBeBetween(column="Sales", min_value=0, strict_min=True),
    e.ExpectColumnValuesToBeBetween(column="Quantity", min_value=1),
    e.ExpectColumnValuesToBeBetween(column="Discount", min_value=0, max_value=1),
    e.ExpectColumnValuesToBeInSet(column="profit_within_sales", value_set=[True]),
):
    suite.add_expectation(made)
definition = context.validation_definitions.add(gx.ValidationDefinition(name="orders", data=batch, suite=suite))
checkpoint = gx.Checkpoint(
    name="orders",
    validation_definitions=[definition],
    actions=[gx.checkpoint.UpdateDataDocsAction(name="docs")],
    result_format="COMPLETE",
)
context.checkpoints.add(checkpoint).run(batch_parameters={"dataframe": frame})
