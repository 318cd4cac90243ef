"""Distributions laid into a folder as an installer lays them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path


def install(
    site: Path,
    name: str,
    files: tuple[str, ...] | Mapping[str, str],
    *,
    head: tuple[str, ...] = (),
    plugin: str = "",
    url: str = "",
) -> None:
    """Lay down files and what is said of them; `head` are further lines of the metadata.

    `plugin` is the module that pytest loads, `url` the place it was installed from.
    """
    texts = files if isinstance(files, Mapping) else dict.fromkeys(files, "")
    for file, text in texts.items():
        (site / file).parent.mkdir(parents=True, exist_ok=True)
        (site / file).write_text(text, encoding="utf-8")
    about = site / f"{name.replace('-', '_')}-1.0.dist-info"
    about.mkdir()
    lines = ("Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", *head)
    (about / "METADATA").write_text("\n".join(lines) + "\n\nRequires-Dist: pytest\n", encoding="utf-8")
    if plugin:
        (about / "entry_points.txt").write_text(f"[pytest11]\n{name} = {plugin}\n", encoding="utf-8")
    if url:
        (about / "direct_url.json").write_text(json.dumps({"url": url, "dir_info": {}}), encoding="utf-8")
    (about / "RECORD").write_text("".join(f"{file},,\n" for file in texts), encoding="utf-8")
