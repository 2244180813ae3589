"""For all rooms: properties are not timed, neither by example nor by how long examples take to make. A test that hangs
ends by the timeout in pyproject.toml; a busy machine is not a failing rule."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
