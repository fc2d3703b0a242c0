"""Recognition over HTTP: a page for people, a few addresses for programs."""
