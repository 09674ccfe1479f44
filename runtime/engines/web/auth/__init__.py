"""Authentication: who a request comes from, by what it brings along."""
