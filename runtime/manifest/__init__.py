"""The manifest: YAML files read into entries that keep their positions."""
