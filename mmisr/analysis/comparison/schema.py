"""The version of the result files, and how dataclasses are read from them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

SCHEMA = 1
"""The layout that is written now.

A key that is added leaves the version alone, because readers pass over what they do not know. A
key that goes, or that means something else, raises it. Files without a version are older than
versions are; their layout is that of 1.
"""

Entry = TypeVar("Entry")


def read_schema(path: Path) -> dict[str, Any]:
    """Read a result file of this version or an earlier one.

    Args:
        path: A JSON file.

    Raises:
        FileNotFoundError: There is none.
        ValueError: A later version wrote it.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    version = content.get("schema", SCHEMA)
    if version > SCHEMA:
        raise ValueError(
            f"{path} has schema {version}, and this mmisr reads schema 1 to {SCHEMA}: a later "
            "version wrote it; update mmisr, or make the results again with this one"
        )
    return content


def of_fields(cls: type[Entry], content: Mapping[str, Any]) -> Entry:
    """Make a dataclass of the keys that are its fields, and pass over the others.

    Args:
        cls: The dataclass.
        content: Values by name.

    Raises:
        ValueError: A field without a default is absent.
    """
    names = [field.name for field in fields(cls)]  # type: ignore[arg-type]  # any dataclass
    known = {name: content[name] for name in names if name in content}
    try:
        return cls(**known)
    except TypeError as error:
        raise ValueError(
            f"a result file has an entry that is no {cls.__name__} ({error}): make the results "
            "again"
        ) from error
