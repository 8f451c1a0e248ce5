"""Searches over configurations: W&B's sweep files, run with or without W&B."""
