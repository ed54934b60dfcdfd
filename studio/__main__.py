"""``python -m studio``, and what the command ``studio`` calls."""

from studio.standard_streams import hold_standard_streams

hold_standard_streams()  # before the imports below can open any file

from studio.tuning import tune_process  # noqa: E402 - see above

tune_process()  # before the imports below load Arrow

from studio.cli import program  # noqa: E402 - see above

if __name__ == "__main__":
    program()
