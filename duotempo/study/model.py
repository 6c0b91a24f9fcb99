"""The model that the reader's studies are run on, loaded once a process."""

from functools import lru_cache

from duotempo.models import pretrained
from duotempo.models.body import Body, open_body
from duotempo.models.pretrained import Pretrained

MODEL = "smollm2"


@lru_cache(maxsize=1)
def model() -> Pretrained:
    """The model under study."""
    return pretrained.load(MODEL)


@lru_cache(maxsize=2)
def body(layers: float) -> Body:
    """The model split below the upper share of its layers."""
    return open_body(model().model, layers)
