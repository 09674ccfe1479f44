"""The HTTP/1.1 protocol: llhttp parses heads, and the rest is here."""
