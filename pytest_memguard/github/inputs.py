"""The inputs of the action, read from `MG_*` variables and checked before anything runs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from pytest_memguard.core.errors import MemguardError, ValueFormError, nearest
from pytest_memguard.core.outcome import OUTCOMES
from pytest_memguard.github.workspace import path_inside

FAIL_ON_GROUPS: Mapping[str, tuple[str, ...]] = {
    "regression": ("grew", "over-limit", "leaked"),
    "improvement": ("improved",),
    "missing": ("stale", "unguarded"),
    "env-mismatch": ("no-baseline",),
    "no-tests": (),
    "none": (),
}
"""Words for `fail-on` besides the outcomes themselves, and the outcomes that each stands for."""

_VERSION = re.compile(r"\d+(\.\d+){0,5}((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+()\[\]-]{0,99}")
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029]")
_MOST_RERUNS = 5
_MOST_DAYS = 400

_T = TypeVar("_T")
_READ = "read"
"""What the reader of an input is called in its field's metadata."""


class InputError(MemguardError):
    """An input of the action that cannot be used."""

    slug = "action-input"


def _lines(value: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in value.split("\n") if line.strip())


def _paths(value: str) -> tuple[str, ...]:
    for path in _lines(value):
        if path.startswith("-"):
            raise ValueFormError(f"{path!r} starts with a dash; options belong in `args`, one a line.")
    return _lines(value)


def _one_line(value: str) -> str:
    if "\n" in value.strip():
        raise ValueFormError(f"{value!r} has several lines; accepted is one.")
    return value.strip()


def _version(value: str) -> str:
    if value.strip() and not _VERSION.fullmatch(value.strip()):
        raise ValueFormError(f"{value!r} is not a version; accepted is one such as '1.2.3'.")
    return value.strip()


def _choice(*choices: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        word = value.strip() or choices[0]
        if word not in choices:
            raise ValueFormError(f"{word!r} is not a choice, {nearest(word, choices)}")
        return word

    return read


def _switch(*, default: bool) -> Callable[[str], bool]:
    words = ("true", "false") if default else ("false", "true")
    return lambda value: _choice(*words)(value) == "true"


def _fail_on(value: str) -> tuple[str, ...] | None:
    words = tuple(word for word in re.split(r"[\s,]+", value) if word)
    known = (*FAIL_ON_GROUPS, *OUTCOMES)
    for word in words:
        if word not in known:
            raise ValueFormError(f"{word!r} is not an outcome or a group of them, {nearest(word, known)}")
    if "none" in words and len(words) > 1:
        raise ValueFormError("'none' cannot be combined with other words; with it nothing fails.")
    return words or None


def _git_name(value: str) -> str:
    name = _one_line(value)
    if name.startswith("-") or re.search(r"[\s~^:?*\[\\]|\.\.|@\{", name):
        raise ValueFormError(f"{name!r} is not a branch, tag or commit; accepted is a name such as 'main'.")
    return name


def _number(most: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        text = value.strip() or "0"
        if not re.fullmatch("[0-9]{1,4}", text) or int(text) > most:
            raise ValueFormError(f"{text!r} is not a number from 0 to {most}.")
        return int(text)

    return read


def _name(value: str) -> str:
    name = _one_line(value)
    if name and not _NAME.fullmatch(name):
        raise ValueFormError(
            f"{name!r} is not a name; accepted are up to 100 letters, digits, spaces and . _ + - ( ) [ ]."
        )
    return name


def _input(read: Callable[[str], _T]) -> _T:
    """Declare an input of the action; what it reads of an empty text is its default."""
    return field(default=read(""), metadata={_READ: read})


@dataclass(frozen=True, slots=True)
class Inputs:
    """The checked inputs; an empty text means that the configuration of the project counts.

    Each is `MG_` and its name in capitals in the environment. `is_enforced` says that the workflow itself has
    `mode: check` or says what fails. No file of the checkout, which a pull request may change, can then make
    less fail.
    """

    paths: tuple[str, ...] = _input(_paths)
    args: tuple[str, ...] = _input(_lines)
    working_directory: str = _input(lambda value: _one_line(value) or ".")
    python: str = _input(_one_line)
    version: str = _input(_version)
    baseline: str = _input(_one_line)
    mode: str = _input(_choice("check", "advisory", "record"))
    fail_on: tuple[str, ...] | None = _input(_fail_on)
    base_ref: str = _input(_git_name)
    rerun: int = _input(_number(_MOST_RERUNS))
    summary: bool = _input(_switch(default=True))
    annotations: bool = _input(_switch(default=True))
    comment: str = _input(_choice("never", "always", "on-change", "on-failure"))
    comment_id: str = _input(_name)
    artifact: str = _input(_choice("always", "on-failure", "never"))
    artifact_name: str = _input(_name)
    retention_days: int = _input(_number(_MOST_DAYS))
    allow_empty: bool = _input(_switch(default=False))
    results: tuple[str, ...] = _input(_lines)
    is_enforced: bool = False

    @property
    def outcomes_that_fail(self) -> tuple[str, ...] | None:
        """The outcomes that `fail-on` names, its groups spelled out; None where it is not given."""
        if self.fail_on is None:
            return None
        spelled = (FAIL_ON_GROUPS.get(word, (word,)) for word in self.fail_on)
        return tuple(dict.fromkeys(outcome for words in spelled for outcome in words))


def read_inputs(environ: Mapping[str, str], workspace: Path) -> tuple[Inputs, list[str]]:
    """Read every input; return what was read, and one sentence for each that cannot be used."""
    read: dict[str, object] = {}
    problems: list[str] = []
    for one in fields(Inputs):
        if _READ not in one.metadata:
            continue
        value = environ.get(f"MG_{one.name.upper()}", "")
        label = one.name.replace("_", "-")
        try:
            if _FORBIDDEN.search(value):
                raise ValueFormError(
                    f"{value[:200]!r} holds a control character; accepted is text without one."
                )
            read[one.name] = one.metadata[_READ](value)
        except MemguardError as error:
            problems.append(f"{label}: {error}")
    is_said = any(environ.get(name, "").strip() for name in ("MG_MODE", "MG_FAIL_ON"))
    read["is_enforced"] = is_said and read.get("mode") == "check"
    inputs = Inputs(**read)  # type: ignore[arg-type]  # each reader returns its field's type
    return inputs, problems or _path_problems(inputs, workspace)


def _path_problems(inputs: Inputs, workspace: Path) -> list[str]:
    try:
        folder = path_inside(workspace, inputs.working_directory)
    except MemguardError as error:
        return [f"working-directory: {error}"]
    if not folder.is_dir():
        wrong = f"there is no folder {inputs.working_directory!r} in the workspace"
        return [f"working-directory: {wrong}; is actions/checkout missing before this step?"]
    try:
        path_inside(workspace, str(folder / (inputs.baseline or ".")))
    except MemguardError as error:
        return [f"baseline: {error}"]
    return []


def to_json(inputs: Inputs) -> str:
    """Write checked inputs as one line, for the outputs of the step that checked them."""
    return json.dumps(asdict(inputs), sort_keys=True)


def from_json(text: str) -> Inputs:
    """Read the output of `to_json`; it came through the runner, so a wrong form is an `InputError`."""
    try:
        written = json.loads(text)
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in written.items()
        }
        return Inputs(**values)
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"MG_CONFIG is not what the first step wrote: {error}.") from error
