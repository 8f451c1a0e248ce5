"""Classical models in the folds of a run, each seeing everybody outside the fold."""
