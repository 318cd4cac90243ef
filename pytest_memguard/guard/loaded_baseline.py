"""What is accepted for the tests of one run: each module's file is read once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pytest_memguard.core.entries import Entry, ModuleBaseline
from pytest_memguard.core.node_ids import REGION, split_id
from pytest_memguard.core.sample import Curve
from pytest_memguard.storage.baseline import BaselineStore


class LoadedBaseline:
    """The baseline of the run's environment, as it was when the run began."""

    def __init__(self, directory: Path, environment: str) -> None:
        self.store = BaselineStore(directory, environment)
        self.exists = self.store.exists()
        self._modules: dict[str, ModuleBaseline] = {}
        self._curves: dict[str, Mapping[str, Curve]] = {}

    def module(self, name: str) -> ModuleBaseline:
        """Return the entries of a test module; raises `BaselineError`."""
        if name not in self._modules:
            self._modules[name] = self.store.load(name)
        return self._modules[name]

    def entry(self, test_id: str) -> Entry | None:
        """Return what is accepted for a test or a region."""
        module, key = split_id(test_id)
        return self.module(module).entries.get(key)

    def regions_of(self, test_id: str) -> tuple[str, ...]:
        """Return the names of the regions that have an entry for a test."""
        module, key = split_id(test_id)
        start = f"{key}{REGION}"
        return tuple(name[len(start) :] for name in self.module(module).entries if name.startswith(start))

    def curve(self, test_id: str) -> Curve | None:
        """Return the curve of the accepted run of a test, if one was kept."""
        module, key = split_id(test_id)
        if module not in self._curves:
            self._curves[module] = self.store.curves(module)
        return self._curves[module].get(key)

    def differences(self, versions: Mapping[str, str]) -> tuple[str, ...]:
        """Say where a module that was read was made with other versions than these."""
        found = {
            f"{name} {version} made the baseline, {versions[name]} runs now"
            for module in self._modules.values()
            for name, version in module.made_with.items()
            if versions.get(name, version) != version
        }
        return tuple(sorted(found))
