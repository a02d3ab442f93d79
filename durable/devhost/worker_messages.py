"""Stand-ins for the messages between the Azure Functions host and its Python worker.

azure-functions-runtime takes its message classes from outside (`properties["protos"]`), so plain
objects with the same names and members serve instead of FunctionRpc.proto's generated classes, and
neither grpc nor protobuf is needed.

Rule 1. Names and spelling are the protocol's, not ours.
Rule 2. A message has only the members that it was made with: the library finds out what it holds by
        asking for members that may not be there.
"""

from types import SimpleNamespace

_DATA = ("string", "json", "bytes", "http", "int", "double")


class Message(SimpleNamespace):
    """Any message: its members are what it was made with."""


class TypedData(Message):
    """One value; exactly one member is given, or none."""

    def WhichOneof(self, group: str) -> str | None:  # noqa: ARG002, N802
        """Name the member that was given."""
        return next((name for name in _DATA if name in vars(self)), None)


class ParameterBinding(Message):
    """A parameter's name and its value."""

    def WhichOneof(self, group: str) -> str:  # noqa: ARG002, N802
        """Name the kind of binding; shared memory is not used here."""
        return "data"


class RpcHttp(Message):
    """A request or a response."""


class SameSite:
    """The SameSite values of a cookie."""

    Lax = 1
    Strict = 2
    ExplicitNone = 3


setattr(SameSite, "None", 0)


class RpcHttpCookie(Message):
    """One cookie."""

    SameSite = SameSite


class Nullable(Message):
    """NullableString, NullableBool, NullableDouble, NullableTimestamp."""


class Timestamp(Message):
    """Seconds since 1970."""


class BindingInfo(Message):
    """What the library says of a binding, and the protocol's numbers for it."""

    # "in" is a word of Python's.
    out = 1
    inout = 2
    undefined = 0


class StatusResult(Message):
    """Whether a request succeeded, and the exception if not."""

    Failure = 0
    Success = 1


class Messages:
    """All of them, under the names by which the library asks."""

    BindingInfo = BindingInfo
    FunctionEnvironmentReloadResponse = Message
    FunctionLoadResponse = Message
    FunctionMetadataResponse = Message
    InvocationResponse = Message
    NullableBool = Nullable
    NullableDouble = Nullable
    NullableString = Nullable
    NullableTimestamp = Nullable
    ParameterBinding = ParameterBinding
    RpcException = Message
    RpcFunctionMetadata = Message
    RpcHttp = RpcHttp
    RpcHttpCookie = RpcHttpCookie
    RpcRetryOptions = Message
    StatusResult = StatusResult
    Timestamp = Timestamp
    TypedData = TypedData
    WorkerInitResponse = Message
    WorkerMetadata = Message
