"""Instruments that say where an answer came from: context, a store, slots, or the weights."""

from duotempo.flow.cases import Case, cases
from duotempo.flow.contextuality import (
    ContextRow,
    Contextuality,
    SwayRow,
    contextuality,
)
from duotempo.flow.edit_facts import edit_of
from duotempo.flow.editability import EditRow, editability
from duotempo.flow.edits import Edit, Editable, Mind, operators
from duotempo.flow.emergence import DepthRow, Emergence, EmergenceRow, Lens, emergence, lens
from duotempo.flow.estimate import Estimate, estimate, shown
from duotempo.flow.facts import Asked, Fact, encoded, read_facts, write_facts
from duotempo.flow.groups import Group, groups_of
from duotempo.flow.made import Made
from duotempo.flow.probe import Probe, Question
from duotempo.flow.shapley import shapley
from duotempo.flow.shares import MediatedRow, ShareRow, Shares, shares
from duotempo.flow.subject import Change, Final, Place, Subject, Trace
from duotempo.flow.sufficiency import Sufficiency, Way, sufficiency
from duotempo.flow.swap import Certificate, SwapRow, certificates, swap

__all__ = [
    "Asked",
    "Case",
    "Certificate",
    "Change",
    "ContextRow",
    "Contextuality",
    "DepthRow",
    "Edit",
    "EditRow",
    "Editable",
    "Emergence",
    "EmergenceRow",
    "Estimate",
    "Fact",
    "Final",
    "Group",
    "Lens",
    "Made",
    "MediatedRow",
    "Mind",
    "Place",
    "Probe",
    "Question",
    "ShareRow",
    "Shares",
    "Subject",
    "Sufficiency",
    "SwapRow",
    "SwayRow",
    "Trace",
    "Way",
    "cases",
    "certificates",
    "contextuality",
    "edit_of",
    "editability",
    "emergence",
    "encoded",
    "estimate",
    "groups_of",
    "lens",
    "operators",
    "read_facts",
    "shapley",
    "shares",
    "shown",
    "sufficiency",
    "swap",
    "write_facts",
]
