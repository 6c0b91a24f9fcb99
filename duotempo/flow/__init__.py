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
from duotempo.flow.report import Report, as_dict, changes, report, summary
from duotempo.flow.saved import read_report, report_of
from duotempo.flow.shapley import shapley
from duotempo.flow.shares import MediatedRow, ShareRow, Shares, StepRow, shares
from duotempo.flow.subject import Change, Final, Place, Subject, Trace
from duotempo.flow.sufficiency import Sufficiency, Way, sufficiency
from duotempo.flow.swap import Certificate, SwapRow, certificates, swap
from duotempo.flow.tables import Grid, tables
from duotempo.flow.trail import Trail, trails

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
    "Grid",
    "Group",
    "Lens",
    "Made",
    "MediatedRow",
    "Mind",
    "Place",
    "Probe",
    "Question",
    "Report",
    "ShareRow",
    "Shares",
    "StepRow",
    "Subject",
    "Sufficiency",
    "SwapRow",
    "SwayRow",
    "Trace",
    "Trail",
    "Way",
    "as_dict",
    "cases",
    "certificates",
    "changes",
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
    "read_report",
    "report",
    "report_of",
    "shapley",
    "shares",
    "shown",
    "sufficiency",
    "summary",
    "swap",
    "tables",
    "trails",
    "write_facts",
]
