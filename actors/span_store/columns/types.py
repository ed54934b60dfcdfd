"""Names for Arrow's arrays: what they hold, which is more than its stubs can tell of most.

A function of ``pyarrow.compute`` gives back an array of the type of what it was given. The stubs say that it is some
array, and of a column of chunks that it is one array.
"""

from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

if TYPE_CHECKING:
    AnyArray: TypeAlias = pa.Array[Any]
    AnyField: TypeAlias = pa.Field[Any]
else:  # Arrow's own classes take no parameters
    AnyArray, AnyField = pa.Array, pa.Field

Booleans: TypeAlias = AnyArray
Doubles: TypeAlias = AnyArray
Int32s: TypeAlias = AnyArray
Int64s: TypeAlias = AnyArray
Texts: TypeAlias = AnyArray
UInt32s: TypeAlias = AnyArray
UInt64s: TypeAlias = AnyArray
# A column of chunks.
AnyColumn: TypeAlias = Any
# An array of structs, lists, maps or bytes as the parser made it or as a file has it: its members and buffers are known
# from its schema, and to no stub.
Untold: TypeAlias = Any
