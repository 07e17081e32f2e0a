r"""The book: HTML that needs no network, from the notebooks, their executed copies and `book/`.

python -m companion.book build/book
"""

from companion import kernel

if __name__ == "__main__":
    # Before what follows, which would be imported twice.
    kernel.restart()

import argparse
import shutil
import sys
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from sphinx.cmd.build import main as sphinx

from companion import params
from companion.book import assemble, contents, fillers
from companion.runs.sources import ROOT
from olmlib.files import whole

STAMP = "pages.txt"
REDIRECT = (
    '<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n<title>OLM, step by step</title>\n'
    '<meta http-equiv="refresh" content="0; url={page}.html">\n'
    '<a href="{page}.html">The book begins here.</a>\n</html>\n'
)


def build(root: Path, out: Path, profile: str, executed: Path) -> list[str]:
    """Write the book to `out/html` and the list of its `lasting` pages to `out/pages.txt`.

    Args:
        root: of the repository.
        out: a folder.
        profile: whose results are shown.
        executed: the folder of the executed notebooks; a page without a copy has no outputs.

    Returns:
        Names of the pages, without ending.

    Raises:
        ValueError: as `assemble.assemble`.
        RuntimeError: Sphinx has warned of something; it has said of what.
    """
    source, html = out / "source", out / "html"
    pages = assemble.assemble(root, profile, executed, source, fillers.fillers(root, profile))
    shutil.copyfile(root / "book" / "conf.py", source / "conf.py")
    shutil.copytree(root / "book" / "static", source / "static")
    mathjax = files("sphinx-mathjax-offline") / "static/mathjax/tex-svg.js"
    (source / "static" / "tex-svg.js").write_bytes(mathjax.read_bytes())
    shutil.rmtree(html, ignore_errors=True)
    options = ["-b", "html", "-d", f"{out / 'doctrees'}", "--fresh-env", "--quiet"]
    if sphinx([*options, "--fail-on-warning", "--keep-going", f"{source}", f"{html}"]):
        raise RuntimeError("the book has faults: see above")
    (html / "index.html").write_text(REDIRECT.format(page=contents.HOME), encoding="utf-8")
    with whole(out / STAMP) as part:
        part.write_text("".join(f"{page}\n" for page in lasting(root, pages)), encoding="utf-8")
    return pages


def lasting(root: Path, pages: Iterable[str]) -> list[str]:
    """Return the pages that have a source of their own, in order.

    Others are a notebook's copies for further data sets. Those of the study are there where it was
    run, and the stamp must be the same in a fresh clone.

    Args:
        root: of the repository, as which the book is laid out.
        pages: their names, without ending.
    """
    ends = (".md", ".ipynb")
    return sorted(p for p in pages if any((root / f"{p}{end}").is_file() for end in ends))


def main(arguments: list[str] | None = None) -> int:
    """Build the book of the profile in `params.yaml`."""
    parser = argparse.ArgumentParser(prog="python -m companion.book", description=__doc__)
    parser.add_argument("out", type=Path, help="folder of the HTML and of what it is made from")
    out = parser.parse_args(arguments).out
    try:
        profile = params.load(ROOT / "params.yaml").profile
        pages = build(ROOT, out.resolve(), profile, ROOT / "executed")
    except (OSError, RuntimeError, ValueError) as error:
        sys.exit(str(error))
    print(f"{len(pages)} pages: open {out / 'html/index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
