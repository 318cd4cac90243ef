"""Files that are no baseline, and exactly what is said about each; `{file}` is the file's path."""

from __future__ import annotations

from pytest_memguard.core.metrics import METRICS

HEAD = "format: 1\ntests:\n"
END = (
    " Correct the line, or restore the file with `git checkout HEAD -- {file}`, "
    "then look at it with `memguard show`."
)
COUNT = "accepted is a whole number that is not negative, such as 2_694_911."
FUTURE = "format is 2, made by a later pytest-memguard; this one reads 1"
SITE = '{{at: "shop/cache.py:put", peak: 72}}'

BAD_BASELINES: dict[str, tuple[str | bytes, str]] = {
    "not YAML": ("format: [1\n", "{file}:2: is not YAML: did not find expected ',' or ']'."),
    "a tab": (
        "format: 1\n\ttests: x\n",
        "{file}:2: is not YAML: found a tab character that violates indentation.",
    ),
    "a Python tag": (
        HEAD + "  a: !!python/object/apply:os.system ['x']\n",
        "{file}:3: uses the tag 'tag:yaml.org,2002:python/object/apply:os.system', which is not accepted.",
    ),
    "an alias bomb": (
        "a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
        "{file}:1: uses an anchor or alias (& or *), which is not accepted.",
    ),
    "a list": ("- 1\n", "{file}:1: is a list; accepted is a mapping."),
    "a text": ("hello\n", "{file}:1: is 'hello'; accepted is a mapping."),
    "empty": ("", "{file}:1: has no format; accepted is 'format: 1' as its first key."),
    "no format": ("tests: {}\n", "{file}:1: has no format; accepted is 'format: 1' as its first key."),
    "a future format": (
        "# x\nformat: 2\ntests: {}\n",
        f"{{file}}:2: {FUTURE}: upgrade it with `pip install -U pytest-memguard`.",
    ),
    "another format": ("format: one\n", "{file}:1: format is 'one'; accepted is 1."),
    "an unknown key": (
        "format: 1\nmetre: memray\n",
        "{file}:2: metre is not a key of a baseline, did you mean 'meter'?",
    ),
    "an unknown metric": (
        HEAD + "  test_x[1]:\n    peak: 1\n    retaind: 2\n",
        "{file}:5: tests > test_x[1] > retaind is not a key of an entry, did you mean 'retained'?",
    ),
    "tests is a list": (HEAD + "- a\n", "{file}:2: tests is a list; accepted is a mapping."),
    "an entry is a number": (HEAD + "  a: 5\n", "{file}:3: tests > a is 5; accepted is a mapping."),
    "an entry is empty": (HEAD + "  a:\n", "{file}:3: tests > a is ''; accepted is a mapping."),
    "no metric": (
        HEAD + "  a:\n    note: x\n",
        f"{{file}}:3: tests > a has no metric; accepted is at least one of {', '.join(METRICS)}.",
    ),
    "a size": (HEAD + "  a:\n    peak: 2 MiB\n", "{file}:4: tests > a > peak is '2 MiB'; " + COUNT),
    "a float": (HEAD + "  a:\n    peak: 1.5\n", "{file}:4: tests > a > peak is '1.5'; " + COUNT),
    "a negative number": (HEAD + "  a:\n    peak: -1\n", "{file}:4: tests > a > peak is -1; " + COUNT),
    "a huge number": (
        HEAD + "  a:\n    peak: 99999999999999999999\n",
        "{file}:4: tests > a > peak is '99999999999999999999'; " + COUNT,
    ),
    "a true": (HEAD + "  a:\n    peak: true\n", "{file}:4: tests > a > peak is 'true'; " + COUNT),
    "a note that is a list": (
        HEAD + "  a:\n    peak: 1\n    note: [x]\n",
        "{file}:5: tests > a > note is a list; accepted is a text.",
    ),
    "sites that are a mapping": (
        HEAD + "  a:\n    peak: 1\n    sites: {at: x}\n",
        "{file}:5: tests > a > sites is a mapping; accepted is a list of sites.",
    ),
    "a site without at": (
        HEAD + "  a:\n    peak: 1\n    sites:\n    - {peak: 1}\n",
        f"{{file}}:6: tests > a > sites > 1 has no 'at'; accepted is a site such as {SITE}.",
    ),
    "an unknown key of a site": (
        HEAD + '  a:\n    peak: 1\n    sites:\n    - {at: "x", line: 1}\n',
        "{file}:6: tests > a > sites > 1 > line is not a key of a site, accepted: at, peak, retained.",
    ),
    "figures that run together": (
        HEAD + "  a:\n    peak: 1\n    spread: {peak: 512retained: 3}\n",
        "{file}:5: is not YAML: did not find expected ',' or '}}'.",
    ),
    "a spread of an unknown metric": (
        HEAD + "  a:\n    peak: 1\n    spread: {peek: 1}\n",
        "{file}:5: tests > a > spread > peek is not a key of spread, did you mean 'peak'?",
    ),
    "a duplicate key": (
        HEAD + "  a:\n    peak: 1\n    peak: 2\n",
        "{file}:5: the key 'peak' occurs twice.",
    ),
    "a duplicate test": (
        HEAD + "  a:\n    peak: 1\n  a:\n    peak: 1\n",
        "{file}:5: the key 'a' occurs twice.",
    ),
    "a merge conflict": (
        HEAD + "  a:\n<<<<<<< HEAD\n    peak: 1\n=======\n    peak: 2\n>>>>>>> topic\n",
        "{file}:4: is a merge-conflict marker (<<<<<<< HEAD).",
    ),
    "the end of a conflict": (
        HEAD + "  a:\n    peak: 1\n>>>>>>> topic\n",
        "{file}:5: is a merge-conflict marker (>>>>>>> topic).",
    ),
    "two documents": (
        "format: 1\n---\nformat: 1\n",
        "{file}:2: a second document begins here; accepted is one.",
    ),
    "deep nesting": ("a: " + "[" * 100_000, "{file}:1: is nested deeper than 32 levels."),
    "not UTF-8": (b"format: 1\n# \xff\n", "{file}:2: is not UTF-8: invalid start byte at byte 12."),
    "a control character": (
        "format: 1\nmeter: \x1b[31m\n",
        "{file}:2: is not YAML: control characters are not allowed.",
    ),
    "a terminal escape in a key": (
        HEAD + '  "a\\e[31m":\n    peak: x\n',
        "{file}:4: tests > 'a\\x1b[31m' > peak is 'x'; " + COUNT,
    ),
}
