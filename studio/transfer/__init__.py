"""Transfer of data out of a studio and into one, from the command line."""
