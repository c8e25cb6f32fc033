"""Unsaved input: drafts, and who else has a ticket open."""
