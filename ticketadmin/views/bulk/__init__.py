"""Bulk updates: choosing, the dry run, the run."""
