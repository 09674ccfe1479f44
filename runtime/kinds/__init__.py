"""The kinds: the folder tree is the tree of their names, one file a kind."""
