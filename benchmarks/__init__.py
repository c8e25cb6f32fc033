"""What `make bench` measures: our costs beside a peer's, in one run, on this machine only."""
