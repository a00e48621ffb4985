"""What happened, as plain values."""
