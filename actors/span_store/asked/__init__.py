"""Messages about many spans together, and the values that they carry: a module for each kind of answer."""
