"""A table of PostgreSQL in, the same table replaced or merged by dlt out, with its fastest backend and staging."""

import sys

import dlt
from dlt.sources.sql_database import sql_table

uri, table, write = sys.argv[1:]
source = sql_table(
    credentials=uri.replace("postgresql:", "postgresql+psycopg2:", 1), table=table, backend="pyarrow", chunk_size=250_000
)
source.apply_hints(table_name="src", write_disposition=write, primary_key="id")
pipeline = dlt.pipeline(
    f"bench_{write}", destination=dlt.destinations.postgres(uri), dataset_name="dlt_bench", pipelines_dir="dlt"
)
print(pipeline.run(source, loader_file_format="csv"))
