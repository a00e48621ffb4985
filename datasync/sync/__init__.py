"""The composition: load, plan, run, record."""
