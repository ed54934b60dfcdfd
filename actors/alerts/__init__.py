"""What somebody wants to be told of: conditions on the sums of the latest spans."""
