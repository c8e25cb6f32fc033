"""Changes from the command line: what the arguments mean, one ticket as a save, several as a bulk run."""
