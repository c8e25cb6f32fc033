"""What users read: outcomes, problems, changes and runs as words, tones and rows."""
