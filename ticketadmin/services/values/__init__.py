"""What the value of a ticket's field is: kinds, parsing, comparison, and diffs."""
