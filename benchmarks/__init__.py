"""Each figure of speed that the README claims, by one command: `python -m benchmarks`."""
