-- By which damage to a file is found: the CRC-32 of the whole. NULL for what an earlier version wrote.
ALTER TABLE segment ADD COLUMN checksum UINTEGER;

-- One row for each journal that was sealed, written in the transaction that makes its spans visible in the index. It
-- stays when the segment goes, so that no number of a journal, segment or span is ever given again, and a journal that
-- a crash left behind is known for what it is.
CREATE TABLE sealed (
    journal UBIGINT, -- NULL: all those of an earlier version, which had no such record
    segment UINTEGER NOT NULL,
    last_seq UBIGINT NOT NULL
);

INSERT INTO sealed SELECT NULL, max(segment), max(last_seq) FROM segment HAVING count(*) > 0;
