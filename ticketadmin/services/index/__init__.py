"""The ticket index: a local copy of the CRM's list, how it is kept fresh, and how it is searched."""
