"""Snippets: what one says, who keeps which, and files of them."""
