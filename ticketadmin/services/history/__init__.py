"""Recorded changes: queries and export."""
