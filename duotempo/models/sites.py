"""Where fast weights touch a model: its list of layers, their MLP projections, hooks on those."""

import contextlib
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from duotempo.core import UserError

MLP_NAMES = ("mlp", "feed_forward", "ffn")
Hook = Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]


@contextlib.contextmanager
def hooked(hooks: Mapping[nn.Module, Hook]) -> Iterator[None]:
    """Within: each module's output goes through its hook; on leaving, whatever happened, none does.

    An interrupt may come while hooks are put on or taken off: one that is left behind says nothing.
    """
    speaking, handles = [True], []

    def spoken(hook: Hook) -> Callable[..., Tensor | None]:
        return lambda module, inputs, output: hook(module, inputs, output) if speaking else None

    try:
        for module, hook in hooks.items():
            handles.append(module.register_forward_hook(spoken(hook)))
        yield
    finally:
        speaking.clear()
        for handle in handles:
            handle.remove()


def find_layers(model: PreTrainedModel) -> tuple[str, nn.ModuleList]:
    """The name and list of the decoder layers; raises `UserError` for a model without one."""
    wanted = getattr(model.config, "num_hidden_layers", None)
    for name, module in model.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == wanted:
            return name, module
    raise UserError(
        f"{type(model).__name__} has no plain list of layers that fast weights know: "
        "read it with fast='none', which keeps window and archive only"
    )


def find_sites(model: PreTrainedModel, lower: int) -> dict[str, nn.Module]:
    """The MLP projections of the layers from `lower` up, by module name; raises `UserError`."""
    prefix, layers = find_layers(model)
    sites: dict[str, nn.Module] = {}
    for index, layer in enumerate(layers):
        for name, module in layer.named_modules():
            inside = name.split(".")[0] in MLP_NAMES
            if index >= lower and inside and isinstance(module, nn.Linear | Conv1D):
                sites[f"{prefix}.{index}.{name}"] = module
    sites = _row_by_row(model, sites)
    if not sites:
        raise UserError(
            f"no MLP projections were found in the layers of {type(model).__name__}: "
            "read it with fast='none', which keeps window and archive only"
        )
    return sites


@torch.no_grad()
def _row_by_row(model: PreTrainedModel, sites: dict[str, nn.Module]) -> dict[str, nn.Module]:
    """The sites that meet a batch row by row: experts meet tokens, of whichever row."""
    met: dict[nn.Module, torch.Size] = {}

    def meet(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        met[module] = output.shape[:-1]
        return output

    ids = torch.arange(16, device=model.device).view(2, 8) % model.config.vocab_size
    with hooked(dict.fromkeys(sites.values(), meet)):
        model(ids)
    return {name: module for name, module in sites.items() if met.get(module) == ids.shape}
