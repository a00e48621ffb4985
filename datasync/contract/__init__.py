"""YAML text in, a frozen, typed and linted contract out."""
