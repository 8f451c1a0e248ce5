"""What a W&B report of this project shows."""
