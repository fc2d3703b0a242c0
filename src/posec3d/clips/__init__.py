"""From an annotation to what the network is given: which frames, and where on the canvas."""
