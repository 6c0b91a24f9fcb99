"""Studies: one question each, answered by arms and seeds, with claims that anyone can recompute."""

from collections.abc import Callable

from duotempo.study.base import (
    Claim,
    Figure,
    Job,
    Mark,
    Point,
    Row,
    Series,
    Size,
    Study,
)


def _mixture() -> Study:
    from duotempo.study.mixture import Mixture  # noqa: PLC0415, loaded when asked for

    return Mixture()


def _reader() -> Study:
    from duotempo.study.reader import Reader  # noqa: PLC0415, loaded when asked for

    return Reader()


def _reader_long() -> Study:
    from duotempo.study.reader_long import ReaderLong  # noqa: PLC0415, loaded when asked for

    return ReaderLong()


def _reader_cost() -> Study:
    from duotempo.study.reader_cost import ReaderCost  # noqa: PLC0415, loaded when asked for

    return ReaderCost()


def _titans_needle() -> Study:
    from duotempo.study.titans_needle import TitansNeedle  # noqa: PLC0415, loaded when asked for

    return TitansNeedle()


def _titans_speed() -> Study:
    from duotempo.study.titans_speed import TitansSpeed  # noqa: PLC0415, loaded when asked for

    return TitansSpeed()


def _titans_ablation() -> Study:
    from duotempo.study.titans_ablation import TitansAblation  # noqa: PLC0415, loaded when asked

    return TitansAblation()


def _sleep_depo() -> Study:
    from duotempo.study.sleep_depo import SleepDepo  # noqa: PLC0415, loaded when asked for

    return SleepDepo()


def _sleep_text() -> Study:
    from duotempo.study.sleep_text import SleepText  # noqa: PLC0415, loaded when asked for

    return SleepText()


def _sleep_rule110() -> Study:
    from duotempo.study.sleep_rule110 import SleepRule110  # noqa: PLC0415, loaded when asked for

    return SleepRule110()


def _sleep_cost() -> Study:
    from duotempo.study.sleep_cost import SleepCost  # noqa: PLC0415, loaded when asked for

    return SleepCost()


def _latent_recall() -> Study:
    from duotempo.study.latent_recall import LatentRecall  # noqa: PLC0415, loaded when asked for

    return LatentRecall()


def _latent_audit() -> Study:
    from duotempo.study.latent_audit import LatentAudit  # noqa: PLC0415, loaded when asked for

    return LatentAudit()


def _latent_cost() -> Study:
    from duotempo.study.latent_cost import LatentCost  # noqa: PLC0415, loaded when asked for

    return LatentCost()


def _fst_rulebook() -> Study:
    from duotempo.study.fst_rulebook import FstRulebook  # noqa: PLC0415, loaded when asked for

    return FstRulebook()


def _fst_attached() -> Study:
    from duotempo.study.fst_attached import FstAttached  # noqa: PLC0415, loaded when asked for

    return FstAttached()


def _inverted_u() -> Study:
    from duotempo.study.inverted_u import InvertedU  # noqa: PLC0415, loaded when asked for

    return InvertedU()


def _flow_store() -> Study:
    from duotempo.study.flow_store import FlowStore  # noqa: PLC0415, loaded when asked for

    return FlowStore()


def _comedy() -> Study:
    from duotempo.study.comedy import Comedy  # noqa: PLC0415, loaded when asked for

    return Comedy()


def _fst_cost() -> Study:
    from duotempo.study.fst_cost import FstCost  # noqa: PLC0415, loaded when asked for

    return FstCost()


def _latent_text() -> Study:
    from duotempo.study.latent_text import LatentText  # noqa: PLC0415, loaded when asked for

    return LatentText()


def _serve_load() -> Study:
    from duotempo.study.serve_load import ServeLoad  # noqa: PLC0415, loaded when asked for

    return ServeLoad()


STUDIES: dict[str, Callable[[], Study]] = {
    "mixture": _mixture,
    "reader": _reader,
    "reader-long": _reader_long,
    "reader-cost": _reader_cost,
    "titans-needle": _titans_needle,
    "titans-ablation": _titans_ablation,
    "sleep-depo": _sleep_depo,
    "sleep-text": _sleep_text,
    "sleep-rule110": _sleep_rule110,
    "sleep-cost": _sleep_cost,
    "titans-speed": _titans_speed,
    "latent-audit": _latent_audit,
    "latent-recall": _latent_recall,
    "latent-cost": _latent_cost,
    "latent-text": _latent_text,
    "fst-rulebook": _fst_rulebook,
    "fst-attached": _fst_attached,
    "fst-cost": _fst_cost,
    "inverted-u": _inverted_u,
    "comedy": _comedy,
    "flow-store": _flow_store,
    "serve-load": _serve_load,
}
"""Name -> a function that makes the study: it loads when asked for, since some need torch."""

__all__ = [
    "STUDIES",
    "Claim",
    "Figure",
    "Job",
    "Mark",
    "Point",
    "Row",
    "Series",
    "Size",
    "Study",
]
