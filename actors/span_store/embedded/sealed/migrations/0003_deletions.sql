-- What is being deleted. A row stands here from before the first file is written anew until after the last one is, so
-- that a deletion which a crash or a fault cuts short goes on by itself.
CREATE TABLE deletion (
    attribute VARCHAR NOT NULL, -- column of `span`
    value VARCHAR NOT NULL,
    before_seq UBIGINT NOT NULL -- spans that came later are none of it
);
