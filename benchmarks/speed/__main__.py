"""The ratios of ours to what one would otherwise write, in one run, on one thread.

    python benchmarks/speed                  # all of it, about ten minutes
    python benchmarks/speed --quick          # smaller sizes, two minutes
    python benchmarks/speed --only rfm       # comparisons with this in their name

Prints one line a comparison and writes `speed.csv` and `speed.md` to `results/speed`. Both sides are first held to the
same numbers; then they take turns, and the median of at least five rounds counts. Exit status 1 where they differ.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main() -> int:
    """Measure, print, write; 1 where two sides do different work."""
    options = _options()
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # its files are modules of `speed`, and nothing else's
    from speed.rows import measure_all

    return measure_all("quick" if options.quick else "full", options.only, options.out)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python benchmarks/speed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="smaller sizes and shorter rounds")
    parser.add_argument("--only", default="", metavar="NAME", help="comparisons with this in their name")
    parser.add_argument("--out", type=Path, default=Path("results/speed"), metavar="DIR")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
