"""Write `book/findings.md` and the README's table of claims from what is in `results/`.

python -m companion.findings

The study's pipeline does it too (notebook 42); this works without the study, and says so then.
"""

from companion.findings import pages
from companion.runs.sources import ROOT

if __name__ == "__main__":
    study, mini = ROOT / "results" / "study", ROOT / "results" / "mini"
    costs = ROOT / "benchmarks" / "costs.csv"
    print(pages.write(study, mini, costs, study / "summary.md", ROOT / "book" / "findings.md"))
