"""Accepted numbers on disk: one file for each environment and test module."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pytest_memguard.core.entries import Entry, ModuleBaseline
from pytest_memguard.core.environment import check_environment_key
from pytest_memguard.core.errors import BaselineError, ValueFormError, cause_of
from pytest_memguard.core.node_ids import join_id, split_id
from pytest_memguard.core.run_results import meter_name
from pytest_memguard.core.sample import Curve
from pytest_memguard.storage.atomic import (
    LOCK_TIMEOUT_SECONDS,
    LockTimeoutError,
    locked,
    remove_leftovers,
    write_all,
    write_atomic,
)
from pytest_memguard.storage.baseline_quick_reading import read_quickly
from pytest_memguard.storage.baseline_writing import module_text
from pytest_memguard.storage.bounded_reading import UnreadableTextError, read_text
from pytest_memguard.storage.curves import SUFFIX, curves_text, read_curves
from pytest_memguard.storage.names import baseline_files, environments_in, file_of, module_of

_GITIGNORE = """\
# Written by memguard: what a run leaves behind is not for review, the baseline is.
/results/
/profiles/
*.memguard-tmp
.lock
"""


def write_gitignore(directory: Path) -> None:
    """Put a `.gitignore` into `.memguard/` that does not ignore the baseline; an existing file is kept."""
    path = directory / ".gitignore"
    if not path.exists():
        write_atomic(path, _GITIGNORE)


def read_module(module: str, text: str, path: Path) -> ModuleBaseline:
    """Read the text of a module's file; `BaselineError` names the path, the line and the key."""
    quick = read_quickly(module, text)
    if quick is not None:
        return quick
    from pytest_memguard.storage.baseline_reading import parse_module  # noqa: PLC0415 - loads yaml, for what is written by hand

    return parse_module(module, text, path)


class BaselineStore:
    """The entries of one environment below a baseline folder.

    Every method raises `BaselineError` for what exists and cannot be read or written.
    """

    def __init__(self, directory: Path, environment: str) -> None:
        self.directory = directory
        self.environment = environment
        try:
            self._folder = directory / check_environment_key(environment)
        except ValueFormError as error:
            raise BaselineError(str(error)) from error

    def exists(self) -> bool:
        """Say whether anything was accepted for this environment."""
        return any(baseline_files(self._folder))

    def environments(self) -> tuple[str, ...]:
        """Return the environments that have a baseline, sorted."""
        return environments_in(self.directory)

    def modules(self) -> tuple[str, ...]:
        """Return the test modules that have a file in this environment, sorted."""
        files = baseline_files(self._folder)
        return tuple(sorted(module_of(path.relative_to(self._folder)) for path in files))

    def path_of(self, module: str) -> Path:
        """Return the file of a module; whatever its name, it is below the environment's folder."""
        return self._folder / file_of(module)

    def text_of(self, module: str) -> str | None:
        """Return the text of a module's file, None where it has no file."""
        path = self.path_of(module)
        try:
            return read_text(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except UnreadableTextError as error:
            raise BaselineError.at(path, error.line, error.problem) from error
        except OSError as error:
            raise BaselineError.at(path, 1, f"cannot be read: {cause_of(error)}") from error

    def texts_of(self, module: str) -> dict[Path, str]:
        """Return the texts of a module's entries and curves, by their files from the baseline folder on."""
        curves = curves_text(self.curves(module), self.load(module).entries)
        texts = {self.path_of(module): self.text_of(module), self.curves_path_of(module): curves}
        return {path.relative_to(self.directory): text for path, text in texts.items() if text}

    def load(self, module: str) -> ModuleBaseline:
        """Read the entries of a module; none where it has no file."""
        text = self.text_of(module)
        return ModuleBaseline(module) if text is None else read_module(module, text, self.path_of(module))

    def curves_path_of(self, module: str) -> Path:
        """Return the file of a module's curves."""
        return self.path_of(module).with_suffix(SUFFIX)

    def curves(self, module: str) -> dict[str, Curve]:
        """Return the curves of a module's entries, by their keys; those that do not fit are left out."""
        return read_curves(self.curves_path_of(module), self.load(module).entries)

    def save(
        self, baselines: Iterable[ModuleBaseline], curves: Mapping[str, Mapping[str, Curve]] | None = None
    ) -> None:
        """Write modules, with their curves by module; a module without entries loses its file.

        If one cannot be written, none is changed.
        """
        files = {self.path_of(baseline.module): baseline for baseline in baselines}
        try:
            texts = {path: module_text(one) if one.entries else "" for path, one in files.items()}
            for one in files.values() if curves is not None else ():
                known = (curves or {}).get(one.module, {})
                texts[self.curves_path_of(one.module)] = curves_text(known, one.entries)
            write_all({path: text for path, text in texts.items() if text})
            for path, text in texts.items():
                if not text:
                    self._remove(path)
        except (OSError, ValueError) as error:
            reason = cause_of(error)
            place = next(iter(files)) if len(files) == 1 else self._folder
            raise BaselineError(
                f"{place} cannot be written: {reason}. What was accepted before is unchanged; "
                "make the folder writable with room on its disk, then run the command again."
            ) from error

    def entries_of(self, test_ids: Iterable[str]) -> dict[str, Entry]:
        """Return what is accepted in the modules of these tests, by node id."""
        modules = sorted({split_id(test_id)[0] for test_id in test_ids})
        return {
            join_id(module, key): entry
            for module in modules
            for key, entry in self.load(module).entries.items()
        }

    def update(
        self,
        changes: Mapping[str, Entry | None],
        *,
        meter: str = "",
        made_with: Mapping[str, str] | None = None,
        curves: Mapping[str, Curve] | None = None,
    ) -> None:
        """Write changed entries by node id, where `None` removes one.

        `meter`, `made_with` and `curves`, by node id, are those of the run that is accepted. A file names
        its usual meter, and an entry another one. Call it under `locked`.
        """
        by_module: dict[str, dict[str, Entry | None]] = {}
        for test_id, entry in changes.items():
            module, key = split_id(test_id)
            by_module.setdefault(module, {})[key] = entry
        changed, kept_curves = [], {}
        for module, entries in sorted(by_module.items()):
            old = self.load(module)
            new = {**old.entries, **entries}
            kept = {key: entry for key, entry in new.items() if entry is not None}
            usual = {entry.meter for key, entry in kept.items() if key not in entries}
            label = old.meter if meter_name(old.meter) in usual - {meter_name(meter)} else meter or old.meter
            changed.append(ModuleBaseline(module, label, made_with or old.made_with, entries=kept))
            known = {
                **self.curves(module),
                **{key: (curves or {}).get(join_id(module, key)) for key in entries},
            }
            kept_curves[module] = {key: curve for key, curve in known.items() if curve is not None}
        self.save(changed, kept_curves)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other writer of this baseline folder out: load, change and save inside."""
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(locked(self.directory, timeout_seconds=LOCK_TIMEOUT_SECONDS))
                remove_leftovers(self.directory)
            except LockTimeoutError as error:
                raise BaselineError(
                    f"{error}; wait until that one has ended, or end it, then run the command again."
                ) from error
            except OSError as error:
                raise BaselineError(
                    f"{self.directory} cannot be written: {cause_of(error)}. "
                    "Make the folder writable, or name another with --memguard-baseline."
                ) from error
            yield

    def _remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        for folder in path.parents:
            if folder == self.directory:
                return
            try:
                folder.rmdir()
            except OSError:
                return  # it holds other files
