"""What each command of the command line does: a module for each, loaded when it is asked for."""
