"""What SQL connectors share: storage types, schema comparison, publishing statements and bookkeeping."""
