"""What knows nothing of poses: files, devices, reproducibility."""
