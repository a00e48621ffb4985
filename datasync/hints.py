"""An error's code in, what its reader can do next out: said where whoever raises it knows nothing better."""

from __future__ import annotations

from collections.abc import Mapping

_AGAIN = "run again; if it stays so,"
_CONTRACT_OR_TABLE = "change the contract or the table so that they agree; datasync plan shows what would be made"

HINTS: Mapping[str, str] = {
    # Systems that cannot be reached, or do not answer.
    "E_CONNECT": "check the connection's host and port, and that the system runs; datasync connections test tries it",
    "E_CONNECT_REFUSED": "check the connection's host and port, and that the system runs; datasync connections test tries it",
    "E_DNS": "check the connection's host, and this machine's name servers",
    "E_CONNECTION": "correct the connection; datasync connections list shows what is configured",
    "E_SIGN_IN": "check the connection's auth, login and password; datasync connections test tries them",
    "E_PERMISSION": "let the connection's user do this, or name a connection that may",
    "E_TIMEOUT": f"{_AGAIN} ask for less at a time, or give it more time (timeout)",
    "E_UNAVAILABLE": f"{_AGAIN} ask whoever runs the system",
    "E_THROTTLED": "ask less often (rate_limit), or run again later",
    "E_LOCKED": "run again when the other one is done",
    "E_BUSY": "run again when the other run is done; datasync runs list shows it",
    "E_SNAPSHOT": "run again while less is written there, or read in parts (source.partition)",
    "E_DISK_FULL": "free space there, and run again",
    "E_STORE": f"{_AGAIN} see who else writes there",
    "E_STORE_WRITE": f"{_AGAIN} look at the store's own log",
    # Answers.
    "E_TRUNCATED": f"{_AGAIN} the server or a proxy before it cuts its answers short: ask for smaller pages",
    "E_NOT_FOUND": "check endpoint, and the connection's host",
    "E_REDIRECT": "name the address that it leads to, in endpoint or the connection's host",
    "E_REQUEST": "compare endpoint, query_params, headers and payload with what the server asks for",
    "E_NO_JSON": "check endpoint: an answer must be a JSON document",
    "E_NO_XML": "check endpoint and wsdl: an answer must be an XML document",
    "E_GRAPHQL": "check query and endpoint; the server's own log says more",
    "E_PAGINATION": "compare pagination with what the server answers",
    "E_PAGE_LOOP": "compare pagination with what the server answers: param, token and size",
    "E_SOAP_FAULT": f"{_AGAIN} ask whoever runs the service",
    "E_SOAP_ANSWER": "compare what the service answers with its WSDL, or take its newest WSDL",
    "E_PAYLOAD": "cast the column to a type that JSON has, such as string",
    "E_LIMIT": "a value of that size is refused: have it cut or left out where it is made",
    # Statements, tables and types.
    "E_SQL": "datasync plan shows the statements; check table, query and the types of their columns",
    "E_DUCKDB": "datasync plan shows the statements; check database, table and query",
    "E_DELTA": "check path and connection; datasync plan shows what is read and written",
    "E_NO_TABLE": "check its name and schema, and that the connection's user may see it",
    "E_EXISTS": "name another table, or drop the one that is there",
    "E_CONSTRAINT": "promise the same in the contract (required, unique, min, references), so that such rows are set aside",
    "E_VALUE": "give the column a type that holds the value, or set such rows aside by a check (min, max, pattern)",
    "E_TARGET_MISMATCH": _CONTRACT_OR_TABLE,
    "E_SERVER_VERSION": "use a newer server, or another connection",
    "E_LOCAL_INFILE": "allow local_infile on the server",
    "E_CURSOR": "check source.cursor.column against the columns of the source",
    "E_PARTITION": "name an integer column of the source in source.partition.column",
    "E_VARIABLE": "declare it under params, or take a run variable such as ds",
    "E_OPTIONS": "correct source.options",
    # Files.
    "E_FILE": "check that the folder is there and may be written",
    "E_PATH": "check path; a bucket or container stands first",
    "E_SOURCE_MISSING": "check path, and that it may be read",
    "E_SOURCE_KIND": "name files; pipes and devices are not read",
    "E_SOURCE_CHANGED": "run again; write files under another name and rename them when they are whole",
    "E_SOURCE_CORRUPT": "have it written anew, or leave it out of path",
    "E_SOURCE_PARSE": "check options: delimiter, quote and encoding",
    "E_SOURCE_SCHEMA": "files of one read have the same columns: narrow path, or make a contract for each kind",
    "E_SOURCE_TYPE": "write the source without it, or cast it there",
    "E_TARGET_CORRUPT": "restore the published file, or run with --full to write it anew",
    # What is between reading and publishing.
    "E_NO_STAGING": "run again from the start",
    "E_STAGING_COUNT": f"{_AGAIN} this is a defect of datasync; nothing was published",
    "E_STAGING_TYPE": "cast the column to the contract's type in transform",
}  # fmt: skip
"""Code -> hint."""
