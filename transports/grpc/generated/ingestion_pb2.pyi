from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class ReadSpansRequest(_message.Message):
    __slots__ = ("start_key_ulid", "batch_size")
    START_KEY_ULID_FIELD_NUMBER: _ClassVar[int]
    BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    start_key_ulid: bytes
    batch_size: int
    def __init__(self, start_key_ulid: _Optional[bytes] = ..., batch_size: _Optional[int] = ...) -> None: ...

class ReadSpansResponse(_message.Message):
    __slots__ = ("key_ulid", "span_bytes", "resource_bytes", "remaining_count")
    KEY_ULID_FIELD_NUMBER: _ClassVar[int]
    SPAN_BYTES_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_BYTES_FIELD_NUMBER: _ClassVar[int]
    REMAINING_COUNT_FIELD_NUMBER: _ClassVar[int]
    key_ulid: bytes
    span_bytes: bytes
    resource_bytes: bytes
    remaining_count: int
    def __init__(self, key_ulid: _Optional[bytes] = ..., span_bytes: _Optional[bytes] = ..., resource_bytes: _Optional[bytes] = ..., remaining_count: _Optional[int] = ...) -> None: ...
