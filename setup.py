"""Builds a pure wheel, or one with machine code as the variable ``NUMGD_MACHINE_CODE`` says.

``1`` stands for all levels of the architecture, ``native`` for the highest level of this processor.
"""

import os
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

WANTED = os.environ.get("NUMGD_MACHINE_CODE", "")


class PlatformDistribution(Distribution):
    """A distribution whose wheel belongs to a platform and a version of Python."""

    def has_ext_modules(self):
        return True


class BuildWithMachineCode(build_py):
    """Copies the package, and compiles its catalogue into the copy."""

    def run(self):
        super().run()
        if self.editable_mode:
            return
        package = Path(self.build_lib).absolute()
        command = [sys.executable, "-m", "numgd.catalogue.building", str(package / "numgd" / "machine_code")]
        if WANTED != "1":
            command += ["--levels", *WANTED.split(",")]
        path = os.pathsep.join(filter(None, [str(package), os.environ.get("PYTHONPATH")]))
        subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": path}, cwd=package)


def requirements():
    """What the package needs to run, and so to compile its code."""
    configuration = ConfigParser()
    configuration.read("setup.cfg", encoding="utf-8")
    return configuration["options"]["install_requires"].strip().splitlines()


if WANTED:
    setup(
        distclass=PlatformDistribution,
        cmdclass={"build_py": BuildWithMachineCode},
        setup_requires=requirements(),
    )
else:
    setup()
