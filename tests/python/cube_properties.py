"""What must hold between answers, whatever the data: asked of Starling alone."""


def broken_properties(served, dice, options):
    """How many properties were looked at, and what is broken."""
    return 0, []
