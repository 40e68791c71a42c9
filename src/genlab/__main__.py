"""`python -m genlab` is the command `genlab`."""

from genlab.cli.main import run

run()
