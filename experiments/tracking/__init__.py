"""Where a run is logged beside its folder: CSV, TensorBoard, MLflow, Weights & Biases."""
