"""What each ablation costs: the same documents, slept on in another way, over the default."""

from collections.abc import Sequence

from duotempo.study.base import Claim
from duotempo.study.documents import KINDS
from duotempo.study.reader_claims import Table
from duotempo.study.stats import claim

LAST = 4.0  # passes that every ablation was given


def ablations(table: Table) -> list[Claim]:
    """Loss of each ablation minus the default's, at the guard's N and for the state alone."""
    found = []
    for arm in _arms(table):
        default = f"weights {arm.split()[-1]}"
        seeds = [s for s in table.seeds(arm) if s in table.seeds(default)]
        if seeds:
            found += _ablation(table, arm, default, seeds)
    return found + [c for kind in KINDS for c in _shares(table, kind)]


def _arms(table: Table) -> list[str]:
    """Every arm that slept and is not a main one."""
    slept = {arm for arm, metric, _, _ in table.values if metric == "pick.generate"}
    return sorted(arm for arm in slept if not arm.startswith(("weights ", "latents ")))


def _ablation(table: Table, arm: str, default: str, seeds: Sequence[int]) -> list[Claim]:
    kept = [
        table.kept(arm, "next", "generate", s) - table.kept(default, "next", "generate", s)
        for s in seeds
    ]
    alone = [
        table.at(arm, "next.alone", s, LAST) - table.at(default, "next.alone", s, LAST)
        for s in seeds
    ]
    recall = [
        table.at(arm, "recall.mixed", s, LAST) - table.at(default, "recall.mixed", s, LAST)
        for s in seeds
    ]
    versus = f"over the default's, {len(seeds)} documents (bits/token)"
    return [
        claim(f"{arm}: next text at the guard's N, mixed, {versus}", kept, ">= -0.02"),
        claim(f"{arm}: next text at N={LAST:g}, state alone, {versus}", alone, ">= -0.02"),
        claim(f"{arm}: recall at N={LAST:g}, mixed, {versus}", recall, ">= -0.02"),
    ]


def _shares(table: Table, kind: str) -> list[Claim]:
    """Other shares, over the default one, at the guard's N."""
    default = f"weights {kind}"
    arms = {a for a, _, _, _ in table.values if a.startswith("share ") and a.endswith(kind)}
    found = []
    for arm in sorted(arms, key=lambda name: float(name.split()[1])):
        seeds = [s for s in table.seeds(arm) if table.pick(default, "generate", s)]
        differences = [
            table.at(arm, "next.mixed", s, table.pick(default, "generate", s))
            - table.kept(default, "next", "generate", s)
            for s in seeds
        ]
        if differences:
            text = f"{arm}: next text at the guard's N, mixed, over share 0.02's (bits/token)"
            found.append(claim(text, differences, ">= -0.02"))
    return found
