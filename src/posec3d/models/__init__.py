"""The networks, and the layer that draws their input."""
