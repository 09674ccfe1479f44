"""The application: what a folder declares, selected, assembled and served."""
