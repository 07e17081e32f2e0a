"""Run pip with one part of the user's settings: where packages come from, not what goes where.

`user`, `target`, `pre` or `no-deps` in someone's `pip.conf` would make another environment; their
mirror, proxy and certificates are what makes it possible.
"""

import os
import subprocess
import sys
from collections.abc import Mapping

# `pip config list` obeys settings too: with `user` it lists the user's file alone.
from pip._internal.configuration import Configuration

SOURCES = """
cache-dir cert client-cert default-timeout extra-index-url find-links index-url keyring-provider
no-cache-dir no-index proxy resume-retries retries timeout trusted-host
""".split()
# In pip's own order: what comes later counts.
SECTIONS = ("global", "install", ":env:")


def environment(variables: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a pip that reads no file.

    Args:
        variables: the caller's environment.
        settings: pip's, of all files and variables, such as `global.index-url`.
    """
    kept = {name: value for name, value in variables.items() if not name.startswith("PIP_")}
    for section in SECTIONS:
        for name in SOURCES:
            if value := settings.get(f"{section}.{name}"):
                kept[f"PIP_{name.upper().replace('-', '_')}"] = value
    return kept | {"PIP_CONFIG_FILE": os.devnull}


def main() -> int:
    """Run pip with this command's arguments and return its exit code."""
    configuration = Configuration(isolated=False)
    configuration.load()
    ours = environment(os.environ, dict(configuration.items()))
    return subprocess.run([sys.executable, "-m", "pip", *sys.argv[1:]], env=ours).returncode


if __name__ == "__main__":
    sys.exit(main())
