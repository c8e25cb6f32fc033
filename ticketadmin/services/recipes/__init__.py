"""Recipes: what one says, how it fills a form, and who keeps and shares which."""
