"""The SDK's own tests: `python -m unittest` in the project's folder, with the package installed or on the path."""
