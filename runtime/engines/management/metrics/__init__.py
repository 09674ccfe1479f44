"""Metrics: counters and histograms of an application, and their text for Prometheus."""
