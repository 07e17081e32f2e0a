"""The table and the file of `benchmarks.gpu`, both written row by row."""

import json
import math
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Report:
    """Rows of what was measured; a program that is killed has printed and written them so far.

    Args:
        file: where the rows go as JSON, beside what was measured on.
        machine: the names and versions of that.

    Attributes:
        rows: part, what, value, budget, held, why; what is not there is None.
        failed: what ended with an error.
    """

    def __init__(self, file: Path | None, machine: dict):
        self.file, self.machine, self.part = file, machine, ""
        self.rows: list[dict] = []
        self.failed: list[str] = []
        for name, value in machine.items():
            print(f"{name}: {value}", flush=True)
        print(f"\n{'part':<17} {'what':<62} {'measured':>10} {'budget':>8}  held", flush=True)
        self._write()

    def add(
        self, what: str, value: float, budget: float | None = None, at_least: bool = False
    ) -> None:
        """Add a measured value, held to be at most `budget` or at least it; NaN never holds."""
        held = None if budget is None else bool(value >= budget if at_least else value <= budget)
        self._row(
            what=what, value=value if math.isfinite(value) else None, budget=budget, held=held
        )

    def missing(self, what: str, why: str) -> None:
        """Add what could not be measured, and why."""
        self._row(what=what, why=f"not available: {why}")

    @contextmanager
    def attempt(self, what: str) -> Iterator[None]:
        """Go on after an error inside the `with`, which becomes a row that says why."""
        try:
            yield
        except Exception as error:
            traceback.print_exc()
            self.failed.append(what)
            lines = str(error).strip().splitlines() or [""]
            self._row(what=what, why=f"FAILED: {type(error).__name__}: {lines[0]}")

    def _row(self, **values) -> None:
        row = {"part": self.part, "what": "", "value": None, "budget": None, "held": None}
        row |= {"why": None} | values
        self.rows.append(row)
        cells = [f"{row[k]:.4g}" if row[k] is not None else "" for k in ("value", "budget")]
        held = {True: "yes", False: "NO", None: ""}[row["held"]]
        line = f"{row['part']:<17} {row['what']:<62} {cells[0]:>10} {cells[1]:>8}  {held}"
        print(f"{line}{row['why'] or ''}".rstrip(), flush=True)
        self._write()

    def _write(self) -> None:
        if self.file is not None:
            text = json.dumps({"machine": self.machine, "rows": self.rows}, indent=1)
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self.file.write_text(text + "\n", encoding="utf-8")
