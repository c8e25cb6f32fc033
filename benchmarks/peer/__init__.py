"""The peer: the same nine fields as a plain Django model, edited in Django's own admin."""
