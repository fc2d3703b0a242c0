"""Accuracy on real data: what the figures of docs/results.md were measured with."""
