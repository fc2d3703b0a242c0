"""Scores, metrics and fusion."""
