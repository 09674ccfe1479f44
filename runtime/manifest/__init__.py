"""The manifest: YAML files read into entries that remember their positions."""
