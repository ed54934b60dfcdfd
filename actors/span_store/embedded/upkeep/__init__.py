"""Recovery, repair, inspection and backup of the files."""
