"""Real servers for tests and examples, one kind a file: nothing in, an address on loopback or on a private socket out."""
