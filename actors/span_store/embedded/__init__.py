"""The engine of one machine: a WAL, memtables, Parquet segments and a DuckDB index."""
