"""Delta rule: overwrite what the key already held; nothing else fades."""

from dataclasses import dataclass

from duotempo.rules.gated_delta import GatedDelta


@dataclass(frozen=True)
class Delta(GatedDelta):
    """M_t = M_{t-1} - beta_t k_t^T (k_t M_{t-1} - v_t). Source: DeltaNet, arXiv 2406.06484."""

    @property
    def has_decay(self) -> bool:
        """Nothing fades."""
        return False
