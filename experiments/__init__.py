"""Commands: flags in, run folders out."""
