"""The activity: it does one step of the work."""


def main(name: str) -> str:
    """Greet somebody."""
    return f"Hello {name}!"
