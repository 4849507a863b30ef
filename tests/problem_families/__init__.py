"""The standard problems, one family a file."""
