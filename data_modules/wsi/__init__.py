"""From whole slides to bags of features."""
