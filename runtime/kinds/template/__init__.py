"""Templates: pages and mails that handlers fill in."""
