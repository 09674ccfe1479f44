"""Layout: an application's graph in layers (Sugiyama's four steps), for a drawing by the server.

`ranks` puts every node into a layer, `order` sorts each layer for few crossings, `placement` moves
nodes near to their neighbours, `drawing` makes lines.
"""
