"""From a Python module to a component: the module, the SDK and the bindings, put together by componentize-py."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

from .names import pascal_case

_PACKAGE = Path(__file__).resolve().parent
_APP = "dacapo_app"
_CONTRACT = "dacapo.wit"
# What componentize-py puts beside the module; a module of such a name would hide it, or be hidden.
_TAKEN = {"dacapo", _APP, "wit_world", "componentize_py_types", "componentize_py_runtime", "poll_loop"}

# It has a script and no `__main__`; this finds it in whatever environment we run in.
_TOOL = "import sys, componentize_py; sys.exit(componentize_py.script())"

_GLUE = """\
# What componentize-py looks for: the exports of the contract, once the module has registered its functions.
import sys

# Otherwise its Python leaves compiled files in the folders of the sources.
sys.dont_write_bytecode = True

import {module}
from dacapo.prepare import prepare
from dacapo.wasm import Activities, Orchestrators

prepare("{module}")
"""


class BuildError(Exception):
    """A module could not be built; the message says what to do."""


def build(module: str, output: Path | None = None, wit: Path | None = None) -> Path:
    """Builds one module; the path of the component.

    module: a file such as `cities.py`, or the name of a module in the current folder.
    output: where to write; `build/<Name>.wasm` in the current folder when absent.
    wit: the folder of the contract; that of the SDK's repository when absent.
    Raises BuildError.
    """
    folder, name = _locate(module)
    output = output or Path("build") / f"{pascal_case(name.rpartition('.')[2])}.wasm"
    contract = _contract(wit)
    if importlib.util.find_spec("componentize_py") is None:
        raise BuildError("componentize-py is not installed; run `pip install -r requirements-build.txt` (of the SDK)")
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as glue:
        (Path(glue) / f"{_APP}.py").write_text(_GLUE.format(module=name), encoding="utf-8")
        paths = [part for path in (glue, folder, _PACKAGE.parent) for part in ("-p", str(path))]
        command = [sys.executable, "-c", _TOOL, "-q", "-d", str(contract), "-w", "module"]
        command += ["componentize", *paths, _APP, "-o", str(output)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise BuildError(f"{module} was not built.\n{_essence(ran.stderr or ran.stdout)}\n{_hint(ran.stderr)}".rstrip())
    return output


def _locate(module: str) -> tuple[Path, str]:
    """The folder to import from, and the name to import."""
    path = Path(module)
    if path.suffix == ".py":
        folder, name = path.resolve().parent, path.stem
    else:
        folder, name = Path.cwd(), module
    source = folder / Path(*name.split("."))
    if not source.with_suffix(".py").is_file() and not (source / "__init__.py").is_file():
        raise BuildError(f"there is no module {module!r} in {folder}; name a Python file, such as `cities.py`")
    if not all(part.isidentifier() for part in name.split(".")):
        raise BuildError(f"{module!r} cannot be imported; use letters, digits and `_` in its name")
    if name.partition(".")[0] in _TAKEN:
        raise BuildError(f"a module cannot be called {name!r}, which is a part of every build; rename it")
    return folder, name


def _contract(wit: Path | None) -> Path:
    # In the repository, the SDK's project folder is two below the root.
    found = wit or _PACKAGE.parent.parent.parent.parent / "wit"
    if not (found / _CONTRACT).is_file():
        raise BuildError(f"there is no {_CONTRACT} in {found}; name the folder of the contract with --wit DIR")
    return found


def _essence(said: str) -> str:
    """The module's own error, without how the tool came to see it."""
    said = said.partition("Stack backtrace:")[0].partition("Caused by:")[0]
    return said[max(said.rfind("Traceback (most recent call last):"), 0) :].strip()


def _hint(said: str) -> str:
    if "ModuleNotFoundError" in said:
        return (
            "A module that is imported was not found. It must be pure Python, and installed in the environment of this "
            "command; what is compiled for this machine does not run in WebAssembly."
        )
    return ""
