"""Code: the calls of `runtime.modules` in the application's Python files, read as syntax."""
