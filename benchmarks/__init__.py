"""Benchmarks: the runtime beside its limits and its peers, as ratios inside one run."""
