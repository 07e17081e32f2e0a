"""Put the tables of `results/` into README.md, between their markers, so that no number is typed.

python tools/update_readme.py
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACE = re.compile(r"(<!-- table: (?P<file>\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def updated(text: str, root: Path = ROOT) -> str:
    """Return `text` with every marked place filled from the file that it names.

    Raises:
        FileNotFoundError: a named table has not been made.
    """

    def fill(match: re.Match) -> str:
        table = (root / match["file"]).read_text(encoding="utf-8").strip()
        return f"{match[1]}\n{table}\n\n{match[3]}"

    return PLACE.sub(fill, text)


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(updated(readme.read_text(encoding="utf-8")), encoding="utf-8")
