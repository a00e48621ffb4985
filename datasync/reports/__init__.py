"""Results in, what people and machines read out."""
