"""EntityId: the name and the key of an entity, and the instance id that the two make.

As DTFx has it: `@name@key`, the name in lower case. A key may hold `@`; a name may not.
"""

from durable.model.errors import InvalidInstanceIdError
from durable.model.ids import INSTANCE_ID_CHARS_MAX, InstanceId, is_control

START = "@"


def is_entity_id(instance_id: str) -> bool:
    """Say whether an instance id is that of an entity; no orchestration's begins so."""
    return instance_id.startswith(START)


class EntityId:
    """Which entity. A name may have any case, as in its instance id; a key is what it is.

    `name` is as it was written. 1.7 compares that, so that an id of an app and the same one read
    from an instance id are two.
    """

    def __init__(self, name: str, key: str) -> None:
        """Raise `ValueError` for an empty name or key, or a name with `@`."""
        if not name:
            raise ValueError("Entity name cannot be empty")
        if not key:
            raise ValueError("Entity key cannot be empty")
        if "@" in name:
            raise ValueError(f"Entity name {name!r} has an '@', which ends it in an instance id.")
        self.name = name
        self.key = key

    @staticmethod
    def get_scheduler_id(entity_id: "EntityId") -> str:
        """Make the instance id."""
        return f"@{entity_id.name.lower()}@{entity_id.key}"

    @staticmethod
    def get_entity_id(scheduler_id: str) -> "EntityId":
        """Read an instance id, or raise `ValueError`. 1.7 refuses a key with `@`; this does not."""
        start, name, key = [*scheduler_id.split("@", 2), "", ""][:3]
        if start or not name or not key:
            raise ValueError("Unexpected format in SchedulerId")
        return EntityId(name, key)

    @staticmethod
    def get_entity_id_url_path(entity_id: "EntityId") -> str:
        """Make the path of the management API."""
        return f"entities/{entity_id.name}/{entity_id.key}"

    def __str__(self) -> str:
        return self.get_scheduler_id(self)

    def __repr__(self) -> str:
        return f"EntityId({self.name!r}, {self.key!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EntityId) and str(self) == str(other)

    def __hash__(self) -> int:
        # 1.7's are unhashable: they could be neither in a set nor a key of a dict.
        return hash(str(self))


def entity_id_of(entity: EntityId | str) -> EntityId:
    """Take an entity as an `EntityId` or as the text `@name@key`: the one door for what users pass.

    Raises `ValueError` for another text, `TypeError` for anything else.
    """
    if isinstance(entity, EntityId):
        return entity
    if not isinstance(entity, str):
        raise TypeError(_no_entity(entity))
    try:
        return EntityId.get_entity_id(entity)
    except ValueError as error:
        raise ValueError(_no_entity(entity)) from error


def _no_entity(given: object) -> str:
    return f"An entity is an EntityId, or its instance id '@name@key'; {given!r} is neither."


def instance_id_of(entity_id: EntityId) -> InstanceId:
    """Make the instance id, or raise `InvalidInstanceIdError` where no store could hold it.

    A key may have slashes and the like, which an orchestration's id may not: apps of 1.7 have
    such keys, and tables hold them escaped (DTFx: KeySanitation.cs).
    """
    text = str(entity_id)
    if len(text) > INSTANCE_ID_CHARS_MAX:
        raise InvalidInstanceIdError(
            f"The entity id {text[:60]!r}... has {len(text)} characters; "
            f"at most {INSTANCE_ID_CHARS_MAX} are allowed."
        )
    for character in text:
        if is_control(character) or "\ud800" <= character <= "\udfff":
            raise InvalidInstanceIdError(
                f"The entity id {text!r} contains {character!r}; control characters and halves of "
                "surrogate pairs are not allowed."
            )
    return InstanceId(text)
