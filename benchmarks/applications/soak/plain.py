from .rules import VERSION

taken = []


def take(body):
    """Take a message in a thread."""
    taken.append((VERSION, body["n"]))
