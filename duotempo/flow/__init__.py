"""Instruments that say where an answer came from: context, a store, slots, or the weights."""

from duotempo.flow.cases import Case, cases
from duotempo.flow.estimate import Estimate, estimate, shown
from duotempo.flow.groups import Group, groups_of
from duotempo.flow.probe import Probe, Question
from duotempo.flow.shapley import shapley
from duotempo.flow.shares import MediatedRow, ShareRow, Shares, shares
from duotempo.flow.subject import Change, Final, Place, Subject, Trace
from duotempo.flow.swap import Certificate, SwapRow, certificates, swap

__all__ = [
    "Case",
    "Certificate",
    "Change",
    "Estimate",
    "Final",
    "Group",
    "MediatedRow",
    "Place",
    "Probe",
    "Question",
    "ShareRow",
    "Shares",
    "Subject",
    "SwapRow",
    "Trace",
    "cases",
    "certificates",
    "estimate",
    "groups_of",
    "shapley",
    "shares",
    "shown",
    "swap",
]
