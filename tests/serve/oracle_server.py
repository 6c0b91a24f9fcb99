"""`duotempo mcp` with the oracle of the invented world for a model, as a host would start it."""

import sys

from duotempo.cli.app import run
from duotempo.converse.invented import Invented
from duotempo.reader import memory_models

memory_models.memory_model = lambda *_: Invented()
sys.exit(run(["mcp", *sys.argv[1:]]))
