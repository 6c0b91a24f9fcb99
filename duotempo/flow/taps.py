"""Taps on modules: look at, or replace, the first tensor that goes in or comes out."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from torch import Tensor, nn


class Call(NamedTuple):
    """What a module was called with."""

    args: tuple[Any, ...]
    named: dict[str, Any]


Before = Callable[[Tensor], Tensor | None]
"""Sees what goes in; what it returns takes its place, None leaves it."""
After = Callable[[Tensor, Call], Tensor | None]
"""Sees what comes out, and the call; what it returns takes its place, None leaves it."""


@contextlib.contextmanager
def tapped(before: Mapping[nn.Module, Before], after: Mapping[nn.Module, After]) -> Iterator[None]:
    """Within: the first tensor into each module of `before`, and out of each of `after`, is shown.

    On leaving, whatever happened, no tap is left; one that an interrupt left behind says nothing.
    """
    speaking, handles = [True], []
    try:
        for module, tap in before.items():
            hook = _before(tap, speaking)
            handles.append(module.register_forward_pre_hook(hook, with_kwargs=True))
        for module, tap in after.items():
            handles.append(module.register_forward_hook(_after(tap, speaking), with_kwargs=True))
        yield
    finally:
        speaking.clear()
        for handle in handles:
            handle.remove()


def _before(tap: Before, speaking: list[bool]) -> Callable[..., Any]:
    def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not speaking:
            return None
        name = None if args else next(n for n, value in kwargs.items() if isinstance(value, Tensor))
        new = tap(args[0] if name is None else kwargs[name])
        if new is None:
            return None
        return ((new, *args[1:]), kwargs) if name is None else (args, {**kwargs, name: new})

    return hook


def _after(tap: After, speaking: list[bool]) -> Callable[..., Any]:
    def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
        if not speaking:
            return None
        plain = isinstance(output, Tensor)
        new = tap(output if plain else output[0], Call(args, kwargs))
        if new is None:
            return None
        return new if plain else (new, *output[1:])

    return hook
