"""The same jobs on a Ray cluster; every node needs duotempo with the extra `cluster`."""

from collections.abc import Generator, Sequence
from types import ModuleType

from duotempo.core import UserError, silent
from duotempo.study.base import Job, Size, Study
from duotempo.study.pool import THREADS, Failed, Report, attempt


def need_ray() -> ModuleType:
    """The module `ray`. Raises `UserError` when it is not installed."""
    try:
        import ray  # noqa: PLC0415, an optional extra  # pyrefly: ignore[missing-import]
    except ModuleNotFoundError as error:
        raise UserError(
            "--engine ray needs Ray: pip install 'duotempo[cluster]', or use --engine local"
        ) from error
    return ray


def work_on_ray(
    study: Study, jobs: Sequence[Job], size: Size, *, workers: int | None, threads: int
) -> Generator[Report, None, None]:
    """Measure each job as a Ray task of `threads` CPUs, at most `workers` at once (None: as many as
    the cluster takes); yields a report as each ends. Joins the cluster that RAY_ADDRESS names, or
    starts one on this machine. Raises `UserError` when Ray is not installed.

    Not tried on a cluster yet: every published number was made by the local engine.
    """
    ray = need_ray()
    with ray.init(ignore_reinit_error=True):
        environment = {"env_vars": dict.fromkeys(THREADS, str(threads))}
        task = ray.remote(attempt).options(num_cpus=threads, runtime_env=environment)
        waiting, running = list(reversed(jobs)), {}
        while waiting or running:
            while waiting and len(running) < (workers or len(jobs)):
                job = waiting.pop()
                running[task.remote(study, job, size, silent)] = job
            ended, _ = ray.wait(list(running), num_returns=1)
            for reference in ended:
                job = running.pop(reference)
                try:
                    yield ray.get(reference)
                except ray.exceptions.RayError as error:
                    yield Failed(job, f"{type(error).__name__}: {error}")
