"""How well a memory serves on published benchmarks, scored without a judge: LoCoMo, LongMemEval."""

from duotempo.converse.evaluate.files import load
from duotempo.converse.evaluate.records import Asked, Sitting, Told, Uttered
from duotempo.converse.evaluate.run import ARMS, Plan, run

__all__ = ["ARMS", "Asked", "Plan", "Sitting", "Told", "Uttered", "load", "run"]
