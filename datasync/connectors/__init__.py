"""Where data comes from and goes to; `registry` is the table of them all."""
