"""The command line: `python -m dacapo build [MODULE ...]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .build import BuildError, build


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; the exit code is 0, or 1 when a build has failed."""
    options = _parser().parse_args(arguments)
    modules: list[str] = options.modules
    if options.output is not None and len(modules) > 1:
        print(f"dacapo: -o names one file, and {len(modules)} modules are to be built; leave it out", file=sys.stderr)
        return 2
    for module in modules:
        try:
            built = build(module, output=options.output, wit=options.wit)
        except BuildError as error:
            print(f"dacapo: {error}", file=sys.stderr)
            return 1
        print(f"{built} ({built.stat().st_size / 2**20:.1f} MiB)")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dacapo", description="Builds modules of orchestrators and activities.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("build", help="make a WebAssembly component to deploy")
    command.add_argument(
        "modules", nargs="*", default=["app"], metavar="MODULE", help="a Python file, or a module's name (default: app)"
    )
    command.add_argument(
        "-o", dest="output", type=Path, metavar="FILE", help="default: build/<Name>.wasm, in Pascal case"
    )
    command.add_argument(
        "--wit", type=Path, metavar="DIR", help="the folder of dacapo.wit (default: the one beside the SDK's sources)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
