"""Data with known answers; a task is a frozen dataclass with `batches(seed)` and a `chance`."""

from duotempo.tasks.diary import Diary

TASKS = {"diary": Diary}
