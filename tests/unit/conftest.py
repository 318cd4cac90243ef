"""How examples are generated here: see the profile."""

from __future__ import annotations

from tests import hypothesis_profile

hypothesis_profile.load()
