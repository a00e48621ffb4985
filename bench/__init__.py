"""Side-by-side benchmarks: ratios within one run, medians of several; anyone can run them with `make bench`."""
