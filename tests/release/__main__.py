"""The release as a newcomer has it: built, installed without the checkout, and used."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import venv
from pathlib import Path

from tests.support.blackbox import ROOT
from tests.support.program import Program

PORT = "app:gateway:addr=127.0.0.1:0"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="release-") as name:
        folder = Path(name)
        for archive in build(folder / "dist"):
            use(archive, folder / archive.suffix.strip("."))
    print("wheel and sdist work")


def build(target: Path) -> list[Path]:
    """Build both from the files that git knows, so that nothing left lying around gets in."""
    source = target.with_name("source")
    files = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True)
    for file in filter(None, files.split("\0")):
        (source / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / file, source / file)
    step(sys.executable, "-m", "build", "--outdir", str(target), cwd=source)
    return [*target.glob("*.whl"), *target.glob("*.tar.gz")]


def use(archive: Path, folder: Path) -> None:
    """Install an archive and do what the README says, from a folder that is not the checkout."""
    print(f"using {archive.name}", flush=True)
    environment = folder / "environment"
    venv.create(environment, with_pip=True)
    python, runtime = environment / "bin" / "python", environment / "bin" / "runtime"
    step(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", archive)
    where = step(python, "-c", "import runtime; print(runtime.__file__)", cwd=folder)
    if not where.startswith(str(environment)):
        sys.exit(f"the package was imported from {where}")
    step(runtime, "init", "hello", cwd=folder)
    example = folder / "task-queue"
    shutil.copytree(ROOT / "examples" / "task-queue", example)
    for application in (folder / "hello", example):
        step(runtime, "validate", application, cwd=folder)
        serve(runtime, application, folder)
    step(runtime, "schema", cwd=folder)
    step(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "pytest")
    for application in (folder / "hello", example):
        step(python, "-m", "pytest", "-q", application, cwd=folder)


def serve(runtime: Path, application: Path, folder: Path) -> None:
    """Run an application until it answers, and stop it."""
    command = [str(runtime), "run", str(application), "-o", PORT]
    program = Program([*command, "--log-format", "json"], plain_environment(), folder)
    try:
        program.wait_for(lambda line: line["message"].startswith("ready in"))
        with contextlib.suppress(urllib.error.HTTPError):  # nothing is served at /, by an answer
            urllib.request.urlopen(program.url("/"), timeout=5)
        if (code := program.stop()) != 0:
            sys.exit(f"{application.name} ended with {code}\n{program.stderr}")
    finally:
        program.kill()


def step(*command: object, cwd: Path | None = None) -> str:
    """Run a command and return its output; show it if the command fails."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=plain_environment(),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}\n{done.stderr}")
    return done.stdout


def plain_environment() -> dict[str, str]:
    """The environment without what would let the checkout be imported."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


if __name__ == "__main__":
    main()
