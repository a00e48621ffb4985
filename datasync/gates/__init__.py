"""What decides about rows and tables; nothing here moves data."""
