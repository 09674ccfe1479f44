"""The HTTP/1.1 protocol: llhttp parses heads, uvicorn's cycle sends responses."""
