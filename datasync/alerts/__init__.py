"""Results and incidents in, messages that people act on out."""
