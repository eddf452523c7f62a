"""What is done once, while a module is built: all that its instances will need is loaded, for they have no files."""

from __future__ import annotations

import importlib
import importlib.abc
import linecache
import sys

from .failure import Failure
from .registry import DEFAULT, Registry

# Parts of Python that are imported by others only when they are first used.
_LATE = (
    "_strptime",
    "_pydecimal",
    "encodings.idna",
    "encodings.latin_1",
    "stringprep",
    "unicodedata",
    "copy",
    "textwrap",
)

# How deep functions of the module may call each other.
_DEPTH = 500


def prepare(module: str, registry: Registry = DEFAULT) -> None:
    """Checks that `module` has registered something, and loads what would be missing later."""
    if not registry.orchestrator_names() and not registry.activity_names():
        raise RuntimeError(f"{module} has neither an orchestrator nor an activity; mark one with @dacapo.orchestrator")
    # The host's stack is smaller than Python thinks: past it a guest traps, which says less than RecursionError.
    sys.setrecursionlimit(_DEPTH)
    for name in _LATE:
        try:
            importlib.import_module(name)
        except ImportError:
            continue
    _load_sources()
    # Writing a stack imports more, and it depends on the error what.
    for error in (
        AttributeError("x", name="upper", obj=""),
        NameError("x", name="lenn"),
        ImportError("x", name="json"),
    ):
        try:
            raise error
        except Exception as raised:
            Failure.of(raised)
    sys.meta_path.append(_TooLate())


class _TooLate(importlib.abc.MetaPathFinder):
    """Asked last, for what was not imported while the module was built."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        raise ModuleNotFoundError(
            f"No module named {fullname!r}: a built module has no files to import; do it at the top of the file",
            name=fullname,
        )


def _load_sources() -> None:
    """Source lines for stacks, of the module's own files."""
    library = linecache.__file__.rpartition("/")[0]
    for loaded in list(sys.modules.values()):
        file = getattr(loaded, "__file__", None)
        if not file or not file.endswith(".py") or file.startswith(library):
            continue
        lines = linecache.getlines(file)
        # Without a time of change, the entry is not thrown away when the file is gone.
        linecache.cache[file] = (sum(map(len, lines)), None, lines, file)
