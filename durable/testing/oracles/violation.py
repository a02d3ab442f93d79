"""Violation: a guarantee that did not hold, and which oracle saw it."""


class Violation(AssertionError):  # noqa: N818  (a finding, not an error of the harness)
    """What is wrong, found by which oracle."""

    def __init__(self, oracle: str, text: str) -> None:
        """Name the oracle and say what it saw."""
        super().__init__(oracle, text)  # both, so that it can go from process to process
        self.oracle = oracle

    def __str__(self) -> str:
        """Print the oracle in front."""
        return f"[{self.args[0]}] {self.args[1]}"
