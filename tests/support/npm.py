"""Packages of npm, for programs written by others that judge what we made."""

import shutil
import subprocess
from pathlib import Path

from programs import need


def install(package_json: Path, directory: Path, reason: str) -> Path:
    """Install what a package.json asks for and return where its packages are."""
    npm = need(shutil.which("npm"), "npm", reason)
    shutil.copy(package_json, directory / "package.json")
    command = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefer-offline"]
    subprocess.run(command, cwd=directory, check=True)
    return directory / "node_modules"
