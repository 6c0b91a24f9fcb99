"""Tokens that write nothing: what is left of a linear memory, without keys, values or errors."""

from duotempo.rules.gates import Gates
from duotempo.rules.state import Memory, MemoryWithMomentum


def rested(state: Memory | MemoryWithMomentum, gates: Gates) -> Memory | MemoryWithMomentum:
    """The state after tokens whose steps are all zero, as `scan` would leave it.

    M_T = beta_T M + f_T S, S_T = m_T S (see `decay.Coefficients`): decay and what is left of the
    surprise go on by themselves. Gates have no document starts.
    """
    assert gates.starts is None
    gates = gates.settled()
    keep = gates.step.new_zeros(gates.step.shape) if gates.keep is None else gates.keep
    faded = keep.sum(-1).exp()[..., None, None]
    if isinstance(state, Memory):
        return Memory(faded * state.memory)
    assert gates.momentum is not None
    moving = gates.momentum.cumsum(-1)
    pushes = (keep.flip(-1).cumsum(-1).flip(-1) - keep + moving).exp()
    if gates.pads is not None:
        pushes = pushes.masked_fill(gates.pads[:, None], 0.0)
    pushed = pushes.sum(-1)[..., None, None]
    momentum = moving[..., -1, None, None].exp() * state.momentum
    return MemoryWithMomentum(faded * state.memory + pushed * state.momentum, momentum)
