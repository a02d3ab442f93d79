"""LiveState: the state of an entity while one operation runs.

Rule 1. It is read from its text when it is first asked for, and printed when the operation ends.
Rule 2. A state that was read and not changed keeps its text: another version of the app may have
        written more than this one reads.
Rule 3. A value that an initializer gave becomes the state when it is changed in place: as rule 2,
        with nothing stored. After `drop` only `set` makes a state.
"""

from collections.abc import Callable
from typing import Any

from durable.model.converters import Converter
from durable.model.errors import InvalidPayloadError
from durable.model.values import decode_value, encode_value


class LiveState:
    """Text that becomes a value, and text again."""

    def __init__(self, text: str | None, *, what: str, converter: Converter | None = None) -> None:
        """Begin with what is stored; no text is no state. `what` is its name in errors."""
        self._text = text
        self.what = what
        self._converter = converter
        self._value: Any = None
        self._is_live = False
        self._as_read: str | None = None
        self._begun: tuple[Any, str | None] | None = None
        self.was_there = text is not None
        self.is_dropped = False

    @property
    def is_there(self) -> bool:
        """Whether there is a state, be it `None`."""
        self._adopt()
        return self._is_live or self._text is not None

    @property
    def is_set(self) -> bool:
        """Whether the value is one that was set, not read."""
        return self._is_live and self._text is None

    def get(self, expected_type: Any = None) -> Any:
        """Return the value, read as this type if it has not been read; no state is `None`."""
        self._adopt()
        if not self._is_live and self._text is not None:
            self._value = decode_value(
                self._text, expected_type, converter=self._converter, what=self.what
            )
            self._is_live = True
            # It may be that it can be read and not be written: then only `set` can change it.
            self._as_read = self._printed_if_possible(self._value)
        return self._value

    def begun(self, initializer: Callable[[], Any]) -> Any:
        """Return what the initializer gives, the same one each time, and watch it (rule 3)."""
        if self.is_dropped:
            return initializer()
        if self._begun is None:
            value = initializer()
            self._begun = value, self._printed_if_possible(value)
        return self._begun[0]

    def set(self, value: Any) -> None:
        """Have this value from now on."""
        self._value, self._is_live, self.is_dropped = value, True, False
        self._text = self._as_read = self._begun = None

    def set_text(self, text: str | None) -> None:
        """Have this text from now on, as if it had been stored."""
        self._value, self._is_live, self.is_dropped = None, False, False
        self._text, self._as_read, self._begun = text, None, None

    def drop(self) -> None:
        """Have no state from now on."""
        self._value, self._is_live, self.is_dropped = None, False, True
        self._text = self._as_read = self._begun = None

    def text(self) -> str | None:
        """Print it, or raise `InvalidPayloadError`; no state is `None`."""
        self._adopt()
        if not self._is_live:
            return self._text
        if self._text is not None and self._as_read is None:
            return self._text
        printed = self._printed()
        return self._text if printed == self._as_read else printed

    def _adopt(self) -> None:
        """Have as the state what an initializer gave, if it has been changed."""
        if self._begun is None:
            return
        value, as_begun = self._begun
        if as_begun is not None and self._printed_if_possible(value) != as_begun:
            self.set(value)

    def _printed(self) -> str:
        return encode_value(self._value, what=self.what, converter=self._converter)

    def _printed_if_possible(self, value: Any) -> str | None:
        try:
            return encode_value(value, what=self.what, converter=self._converter)
        except InvalidPayloadError:
            return None
