from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class SpanDataContainer(_message.Message):
    __slots__ = ("span_bytes", "resource_bytes")
    SPAN_BYTES_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_BYTES_FIELD_NUMBER: _ClassVar[int]
    span_bytes: bytes
    resource_bytes: bytes
    def __init__(self, span_bytes: _Optional[bytes] = ..., resource_bytes: _Optional[bytes] = ...) -> None: ...
