"""The command `labwire`."""

import signal
import sys

from ._labwire import run


def main():
    """Run the program `labwire` with the arguments of this process, and end it with the program's exit status."""
    # The program has its own ways with Ctrl-C; Python's would wait for the program to end.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(run(["labwire", *sys.argv[1:]]))
