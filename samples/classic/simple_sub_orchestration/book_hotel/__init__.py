"""Books a hotel."""


def main(city: str) -> str:
    """Book a hotel in this city."""
    return f"a hotel in {city}"
