"""Management: what an application does, told over HTTP by a thread of its own."""
