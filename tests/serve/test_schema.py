"""Schemathesis over the server's own OpenAPI page: what fits it is answered as it says, what does
not is refused; all of its checks."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode

from tests.serve.served import Served

pytestmark = pytest.mark.filterwarnings(
    "ignore::hypothesis.errors.HypothesisDeprecationWarning"  # schemathesis's own draws
)
MANY = 4
BARE = ("/health", "/metrics", "/v1/models", "/v1/models/{name}")
ways = pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])


def operations(running: Served) -> list:
    """All that the page tells of."""
    page = schemathesis.openapi.from_url(f"{running.url}/openapi.json")
    return [found.ok() for found in page.get_all_operations()]


def checked(operation, mode: GenerationMode, **headers: str) -> None:
    """Ask so many times, and hold every answer against all checks."""

    @seed(1)
    @settings(
        max_examples=MANY, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def asked(case) -> None:
        case.call_and_validate(headers=headers)

    asked()


@ways
def test_the_server_does_as_its_page_says(running, mode):
    running.say("hello")
    running.slept()
    found = operations(running)
    assert len(found) == 16
    for operation in found:
        if mode.is_positive or operation.path not in BARE:  # nothing of a bare one can be wrong
            checked(operation, mode)


def test_a_server_with_tokens_does_too(shared):
    for operation in operations(shared):
        if operation.method == "get":
            checked(operation, GenerationMode.POSITIVE, Authorization="Bearer token-a")
