"""Building: what is refused before anything is built; and, where componentize-py is there, a real component."""

import contextlib
import importlib.util
import io
import os
import tempfile
import unittest
from pathlib import Path

from dacapo.__main__ import main
from dacapo.build import BuildError, build

WIT = Path(__file__).resolve().parents[3] / "wit"
HAS_TOOL = importlib.util.find_spec("componentize_py") is not None

GREETER = """
import dacapo

@dacapo.orchestrator
def greet(context):
    return (yield context.call_activity("SayHello", context.get_input()))

@dacapo.activity
def say_hello(name: str) -> str:
    return f"Hello {name}!"
"""


class InAFolder(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, Path.cwd())
        os.chdir(folder.name)

    def write(self, name: str, text: str) -> None:
        Path(name).write_text(text, encoding="utf-8")


class Refused(InAFolder):
    def expect(self, message: str, module: str, wit: Path = WIT) -> None:
        with self.assertRaises(BuildError) as caught:
            build(module, wit=wit)
        self.assertIn(message, str(caught.exception))
        self.assertFalse(Path("build").exists(), "nothing is written")

    def test_a_module_that_is_not_there(self) -> None:
        self.expect("there is no module 'orders.py'", "orders.py")
        self.expect("there is no module 'shop.orders'", "shop.orders")

    def test_a_name_that_cannot_be_imported_or_is_taken(self) -> None:
        self.write("my-flow.py", GREETER)
        self.expect("'my-flow.py' cannot be imported", "my-flow.py")
        self.write("dacapo.py", GREETER)
        self.expect("a module cannot be called 'dacapo'", "dacapo")

    def test_a_folder_without_the_contract(self) -> None:
        self.write("greeter.py", GREETER)
        self.expect("name the folder of the contract with --wit DIR", "greeter.py", wit=Path("nowhere"))

    def test_one_output_for_two_modules(self) -> None:
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            self.assertEqual(main(["build", "a", "b", "-o", "c.wasm"]), 2)
        self.assertIn("-o names one file, and 2 modules", said.getvalue())


@unittest.skipUnless(HAS_TOOL and (WIT / "dacapo.wit").is_file(), "needs componentize-py, and the contract")
class Built(InAFolder):
    def test_a_component_with_both_interfaces_and_no_litter(self) -> None:
        self.write("greeter.py", GREETER)
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(main(["build", "greeter.py", "--wit", str(WIT)]), 0)
        component = Path("build/Greeter.wasm").read_bytes()
        self.assertEqual(component[:8], b"\0asm\x0d\0\x01\0", "a component, not a core module")
        for interface in (b"dacapo:orchestration/orchestrators@", b"dacapo:orchestration/activities@"):
            self.assertIn(interface, component)
        self.assertEqual(sorted(os.listdir()), ["build", "greeter.py"])

    def test_what_a_module_lacks_is_said(self) -> None:
        self.write("empty.py", "import dacapo\n")
        self.write("net.py", "import not_there_at_all\n")
        for module, message in [
            ("empty.py", "empty has neither an orchestrator nor an activity"),
            ("net.py", "It must be pure Python"),
        ]:
            with self.subTest(module), self.assertRaises(BuildError) as caught:
                build(module, wit=WIT)
            self.assertIn(message, str(caught.exception))
            self.assertLess(len(str(caught.exception).splitlines()), 12, "the tool's own stack is left out")


if __name__ == "__main__":
    unittest.main()
