"""What makes this paper's tables: data, miniatures, runs, tables, figures, lessons."""

import sys

# nbformat loads what checks addresses in JSON, which no notebook has and which costs every process
# four seconds. Without it, it does not check them.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
