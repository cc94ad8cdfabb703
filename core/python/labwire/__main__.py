"""`python -m labwire` is the command `labwire`."""

from ._program import main

main()
