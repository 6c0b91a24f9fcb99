"""Laws have no deadline: the machine that runs them may be busy."""

from hypothesis import settings

settings.register_profile("laws", deadline=None)
settings.load_profile("laws")
