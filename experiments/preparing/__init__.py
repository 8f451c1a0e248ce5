"""The commands of `python -m experiments.prepare`, one file each."""
