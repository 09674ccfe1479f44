"""The server behind `runtime lsp`, for editors of manifests."""
