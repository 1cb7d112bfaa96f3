"""The folder of an exported data set.

Whole files only, a manifest of their hashes, and what a killed run leaves.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from tqdm import tqdm

from mmisr.datasets.coco_checks import first
from mmisr.ops.files import UNFINISHED, write_bytes

MANIFEST, ANNOTATIONS, IMAGES = "manifest.json", "annotations.json", "images"
JOURNALS, LOCK = ".journal", ".lock"

MANIFEST_FORMAT = 1
"""Raised when a manifest means something else."""


class ExportError(RuntimeError):
    """An export that cannot go on; what is done is kept."""


@dataclass(frozen=True)
class Record:
    """One image written.

    Args:
        file: Its name under the image folder.
        sha256: The hash of its bytes.
        bytes: The number of its bytes.
        source_hw: Height and width of the frame of the annotations, as the pipeline left it.
        hw: Height and width of the image that was written.
    """

    file: str
    sha256: str
    bytes: int
    source_hw: tuple[int, int]
    hw: tuple[int, int]

    @classmethod
    def read(cls, fields: dict[str, Any]) -> Record:
        """From JSON, which has no tuples."""
        return cls(**{**fields, "source_hw": tuple(fields["source_hw"]), "hw": tuple(fields["hw"])})


@dataclass
class Manifest:
    """What is in the folder.

    Args:
        settings: Everything that decides the bytes of the images.
        images: The images written, by file name.
        annotations_sha256: The hash of the annotation file; None while the export is not finished.
    """

    settings: dict[str, Any]
    images: dict[str, Record] = field(default_factory=dict)
    annotations_sha256: str | None = None

    def as_json(self) -> bytes:
        """Sorted, so that it depends on the set alone and not on who wrote what when."""
        images = {}
        for name, record in self.images.items():
            fields = asdict(record)
            del fields["file"]  # which is the key
            images[name] = fields
        content = {
            "format": MANIFEST_FORMAT,
            "settings": self.settings,
            "annotations_sha256": self.annotations_sha256,
            "images": images,
        }
        return json.dumps(content, indent=1, sort_keys=True).encode() + b"\n"


@dataclass(frozen=True)
class ExportCheck:
    """What a check of an exported folder says; names are relative to it.

    Args:
        checked: Number of files that were compared with their hashes.
        missing: Files in the manifest that are not in the folder.
        extra: Files in the folder that are not in the manifest.
        changed: Files that have another hash.
        finished: Whether the export had come to its end.
    """

    checked: int
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    finished: bool = True

    @property
    def good(self) -> bool:
        """Whether the set is whole and unchanged."""
        return self.finished and not (self.missing or self.extra or self.changed)

    def complaints(self) -> list[str]:
        """What is wrong, a line per file."""
        lines = [f"missing: {name}" for name in self.missing]
        lines += [f"extra: {name}" for name in self.extra]
        lines += [f"changed: {name}" for name in self.changed]
        if not self.finished:
            lines.append("unfinished: run the export again to complete it")
        return lines

    def verdict(self) -> str:
        """How it stands with the set, in one line."""
        if self.good:
            return f"{self.checked} files hashed, all as written"
        way_out = "delete what is extra or changed, then export again"
        return f"{self.checked} files hashed, NOT as written; {way_out}"


class ExportFolder:
    """Reads and writes the folder of an export.

    ``images/``, ``annotations.json`` and ``manifest.json``. Files get their names when they are
    whole. While an export runs, every process notes what it has written in a journal of its own
    under ``.journal/``; the main process takes journals over into the manifest when an export
    starts and when it ends. An export lies in a ``with`` block of its folder, which lets go of the
    folder however the block ends.

    Args:
        root: The folder of the export.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self._lock: IO[bytes] | None = None
        self._journal: IO[str] | None = None

    def __enter__(self) -> ExportFolder:
        return self

    def __exit__(self, *error: object) -> None:
        """Let go of the folder: an error that somebody keeps would hold its lock on."""
        lock, journal = self._lock, self._journal
        self._lock = self._journal = None
        # What cannot be written has been said by who wrote it; closing would try once more.
        with suppress(OSError):
            if journal is not None:
                journal.close()
        if lock is not None:
            lock.close()

    def begin(self, settings: dict[str, Any]) -> None:
        """Take the folder for an export, on the main process, before the others read it.

        It is taken until the ``with`` block of the folder ends.

        Raises:
            ExportError: It holds something else, an export with other settings, or one that is
                running.
        """
        self._make()
        if not (self.root / MANIFEST).is_file():
            strange = sorted(p.name for p in self.root.iterdir() if not p.name.startswith("."))
            if strange:
                raise ExportError(
                    f"{self.root} holds other files ({first(strange)}): give a new or empty folder"
                )
        self.check_settings(self.manifest() or Manifest(settings), settings)
        self._take_lock()
        # Read again: another export may have ended before the lock was free.
        known = self._known(self.manifest() or Manifest(settings))
        images = {name: record for name, record in known.items() if self._is_there(record)}
        for leftover in self.root.rglob(f".*{UNFINISHED}*"):
            leftover.unlink(missing_ok=True)
        self.write(MANIFEST, Manifest(settings, images).as_json())
        shutil.rmtree(self.root / JOURNALS, ignore_errors=True)

    def check_settings(self, manifest: Manifest, settings: dict[str, Any]) -> None:
        """Refuse to mix images of two kinds in one folder.

        Raises:
            ExportError: The settings differ; the message says which.
        """
        before = manifest.settings
        changes = []
        for key in sorted({*before, *settings}):
            was, is_now = before.get(key), settings.get(key)
            if was != is_now:
                changes.append(f"{key} was {_short(was)}, is {_short(is_now)}")
        if changes:
            raise ExportError(
                f"{self.root} holds an export made with other settings: {'; '.join(changes)}. Give "
                "another folder, or delete this one"
            )

    def manifest(self) -> Manifest | None:
        """What the manifest says; None where there is none.

        Raises:
            ExportError: It is no manifest of this program's.
        """
        path = self.root / MANIFEST
        if not path.is_file():
            return None
        try:
            content = json.loads(path.read_bytes())
            if content["format"] != MANIFEST_FORMAT:
                raise ValueError(f"format {content['format']}")
            images = {}
            for name, fields in content["images"].items():
                images[name] = Record.read({"file": name, **fields})
            return Manifest(content["settings"], images, content["annotations_sha256"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ExportError(
                f"{path} is no manifest that this version reads ({error!r}): it is damaged or "
                "another program's; give another folder"
            ) from error

    def add(
        self, name: str, content: bytes, source_hw: tuple[int, int], hw: tuple[int, int]
    ) -> None:
        """Write one image, then note it."""
        self.write(f"{IMAGES}/{name}", content)
        record = Record(name, hashlib.sha256(content).hexdigest(), len(content), source_hw, hw)
        try:
            if self._journal is None:
                path = self.root / JOURNALS / f"{uuid.uuid4().hex}.jsonl"
                path.parent.mkdir(exist_ok=True)
                self._journal = path.open("a", encoding="utf-8")
            self._journal.write(json.dumps(asdict(record)) + "\n")
            self._journal.flush()
        except OSError as error:
            raise _cannot_write(self.root / JOURNALS, error) from error

    def finish(
        self,
        settings: dict[str, Any],
        names: Sequence[str],
        annotations: Callable[[dict[str, Record]], Any],
    ) -> None:
        """Write the annotation file, then the manifest.

        On the main process, when all images are there.

        Args:
            settings: Everything that decides the bytes, as in :meth:`begin`.
            names: Names of the images of the set.
            annotations: Makes the content of the annotation file from the records by name.

        Raises:
            ExportError: An image is missing.
        """
        known = self._known(self.manifest() or Manifest(settings))
        absent = [name for name in names if name not in known]
        if absent:
            raise ExportError(
                f"{self.root}: {len(absent)} images were not noted by the process that wrote them "
                f"({first(absent)}): do all processes see the same folder? Run the command again"
            )
        images = {name: known[name] for name in names}
        content = json.dumps(annotations(images)).encode() + b"\n"
        self.write(ANNOTATIONS, content)
        manifest = Manifest(settings, images, hashlib.sha256(content).hexdigest())
        self.write(MANIFEST, manifest.as_json())
        shutil.rmtree(self.root / JOURNALS, ignore_errors=True)
        if self._lock is not None:
            (self.root / LOCK).unlink(missing_ok=True)

    def check(self) -> ExportCheck:
        """Hash every file again.

        Raises:
            ExportError: There is no manifest.
        """
        manifest = self.manifest()
        if manifest is None:
            raise ExportError(
                f"{self.root} has no {MANIFEST}: it is no export, or its first run ended before it "
                "began"
            )
        expected = {}
        for name, record in self._known(manifest).items():
            expected[f"{IMAGES}/{name}"] = record.sha256
        is_finished = manifest.annotations_sha256 is not None
        if manifest.annotations_sha256 is not None:
            expected[ANNOTATIONS] = manifest.annotations_sha256
        files = self._files()
        present = sorted(files & set(expected))
        changed = []
        for name in tqdm(present, desc="checking", unit="file", disable=None):
            if _sha256(self.root / name) != expected[name]:
                changed.append(name)
        return ExportCheck(
            checked=len(present),
            missing=tuple(sorted(set(expected) - files)),
            extra=tuple(sorted(files - set(expected))),
            changed=tuple(changed),
            finished=is_finished,
        )

    def _files(self) -> set[str]:
        """Names of the files in the folder, but for those that serve the export itself."""
        names = set()
        for path in self.root.rglob("*"):
            name = path.relative_to(self.root).as_posix()
            serves = name in (MANIFEST, LOCK) or name.startswith(f"{JOURNALS}/")
            if not serves and not path.is_dir():
                names.add(name)
        return names

    def write(self, name: str, content: bytes) -> None:
        """Write a file under a temporary name in its own folder, then rename it.

        Raises:
            ExportError: The disk is full, or the folder cannot be written.
        """
        path = self.root / name
        try:
            write_bytes(path, content)
        except OSError as error:
            raise _cannot_write(path, error) from error

    def _make(self) -> None:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _cannot_write(self.root, error) from error

    def _take_lock(self) -> None:
        """A lock of the operating system's: it ends with its process, however that ends."""
        try:
            import fcntl
        except ImportError:  # Windows
            return
        try:
            self._lock = (self.root / LOCK).open("ab")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ExportError(
                f"another export is writing to {self.root}: wait for it, or end it first"
            ) from error
        except OSError as error:
            raise _cannot_write(self.root / LOCK, error) from error

    def _known(self, manifest: Manifest) -> dict[str, Record]:
        return {**manifest.images, **self._journalled()}

    def _journalled(self) -> dict[str, Record]:
        """Records of all journals; a line cut off by a kill is none, and its image is made anew."""
        records = {}
        for path in sorted((self.root / JOURNALS).glob("*.jsonl")):
            for line in path.read_text(encoding="utf-8").splitlines():
                with suppress(ValueError):
                    record = Record.read(json.loads(line))
                    records[record.file] = record
        return records

    def _is_there(self, record: Record) -> bool:
        path = self.root / IMAGES / record.file
        return path.is_file() and path.stat().st_size == record.bytes


def check_export(out_dir: str | Path) -> ExportCheck:
    """Compare an exported set with its manifest, file by file.

    Raises:
        ExportError: The folder has no manifest.
    """
    return ExportFolder(out_dir).check()


def _cannot_write(path: Path, error: OSError) -> ExportError:
    return ExportError(
        f"{path} cannot be written: {error.strerror or error}; images that are done are kept. Make "
        "room or mend the folder, then run the same command again"
    )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _short(value: Any) -> str:
    text = str(value)
    return f"{text[:12]}..." if len(text) == 64 else text
