"""Two tables in, the rows in which they differ out; the tables may be in databases of different kinds."""
