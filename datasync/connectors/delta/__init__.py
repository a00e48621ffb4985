"""Delta Lake tables, local and in object stores, as source and as target."""
