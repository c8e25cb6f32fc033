"""What tickets there are: the list, the omnibox, pasted codes."""
