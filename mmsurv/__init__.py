"""From a batch of multimodal patients to log hazards, survival curves and honest numbers."""
