"""For authors of connectors: the suite that every connector passes."""
