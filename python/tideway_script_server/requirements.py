"""code/requirements.txt: what the script needs. Nothing is installed unless TIDEWAY_PIP_INSTALL is 1."""

import os
import re
import subprocess
import sys
from importlib import metadata

from tideway_script_server.user_script import ScriptError


def install_or_explain(code_dir, install):
    path = os.path.join(code_dir, "requirements.txt")
    if not os.path.isfile(path):
        return
    with open(path, encoding="utf-8") as file:
        missing = [name for name in map(package_name, file) if name and not installed(name)]
    if not missing:
        return
    command = [sys.executable, "-m", "pip", "install", "-r", path]
    if not install:
        raise ScriptError(
            "code/requirements.txt names packages that %s does not have: %s. Install them with: %s -m pip install %s "
            "(or set TIDEWAY_PIP_INSTALL=1 in the model's Environment)."
            % (sys.executable, ", ".join(missing), sys.executable, " ".join(missing))
        )
    if subprocess.call(command, stdin=subprocess.DEVNULL) != 0:
        raise ScriptError("Installing code/requirements.txt failed: %s" % " ".join(command))


def package_name(line):
    """The package of a line like `scikit-learn==1.5.0 ; python_version > "3.8"`; None for options and links."""
    line = line.split("#")[0].strip()
    if not line or line.startswith("-") or "://" in line:
        return None
    condition = line.partition(";")[2]
    if condition:
        return None
    match = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line)
    return match.group(0) if match else None


def installed(name):
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
