"""The vocabulary that all rooms share: records, protocols, the loop, the guard, the mixture."""

from duotempo.core.errors import UserError
from duotempo.core.guard import HeldOut
from duotempo.core.loop import live
from duotempo.core.mixture import FixedShare
from duotempo.core.protocols import Boundary, Channel, Consolidator, Guard, Tell, silent
from duotempo.core.records import Candidate, Event, Proposal, Trial, Verdict

__all__ = [
    "Boundary",
    "Candidate",
    "Channel",
    "Consolidator",
    "Event",
    "FixedShare",
    "Guard",
    "HeldOut",
    "Proposal",
    "Tell",
    "Trial",
    "UserError",
    "Verdict",
    "live",
    "silent",
]
