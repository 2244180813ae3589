"""Properties have no per-example deadline: a busy machine is not a failing rule."""

from hypothesis import settings

settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")
