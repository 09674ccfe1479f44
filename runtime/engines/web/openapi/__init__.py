"""OpenAPI: a server's routes as an OpenAPI 3.1 document, and the page to read and try it."""
