"""Books a guide."""


def main(city: str) -> str:
    """Book a guide in this city."""
    return f"a guide in {city}"
