"""The program: one application in this process, its signals, and its worker processes."""
