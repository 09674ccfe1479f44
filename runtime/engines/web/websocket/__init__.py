"""WebSockets: requests whose answer is a connection for messages both ways."""
