"""Spans in, queries out."""

import os

# Fresh memory is expensive to get from the kernel, a page at a time. jemalloc keeps what it had for a time (``rows``);
# Arrow's own choice gave it back at once when they were compared, which cost a fifth more for each span. They are alike
# since most of a span's memory is that of its request (docs/performance.md).
# Said before Arrow is loaded, because ``pyarrow.set_memory_pool`` comes too late for what Arrow does by itself, such as
# reading and writing Parquet: with a second allocator for that, its first few bytes take 4 MB.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "jemalloc")
