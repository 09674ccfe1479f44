"""Pages: the dashboard. Functions that return HTML, which is complete without its script."""
