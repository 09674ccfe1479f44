"""Registry: data of the application that handlers read."""
