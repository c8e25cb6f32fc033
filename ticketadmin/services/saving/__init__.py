"""What a save is: the edit, the merge, the lock, the PUT, the read-back, and undo."""
