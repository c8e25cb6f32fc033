"""The benchmarks of `make bench`: our costs beside a peer's, in one run, valid for this machine only."""
