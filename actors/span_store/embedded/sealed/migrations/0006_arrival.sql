-- No span of the segment arrived later, in Unix nanoseconds: what its times say is what clients' clocks say. NULL, for as
-- long as it takes to look at the file, in what an earlier version wrote.
ALTER TABLE segment ADD COLUMN arrived_before_unix_nano UBIGINT;
