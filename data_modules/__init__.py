"""From files on disk to batches: manifest, cohort, folds, transforms, data module."""
