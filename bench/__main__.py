"""`python -m bench [check|sync|mysql|compare|start|pages|files|web] [--rows N] [--times N] [--peers]`: runs benchmarks, prints ratios."""

from __future__ import annotations

import argparse
import sys

from bench import check, compare, files, mysql, pages, start, sync, web

BENCHES = {
    "start": start.run,
    "check": check.run,
    "sync": sync.run,
    "mysql": mysql.run,
    "compare": compare.run,
    "pages": pages.run,
    "files": files.run,
    "web": web.run,
}


def main() -> int:
    """Run what is asked."""
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("names", nargs="*", choices=[*BENCHES, []], help="default: all")
    parser.add_argument(
        "--rows",
        type=int,
        help="rows (check: 10,000,000; sync, mysql, compare: 1,000,000; pages: 20,000; files: MB, 100; web: runs, 3,000)",
    )
    parser.add_argument("--times", type=int, default=3, help="repetitions; medians are shown")
    parser.add_argument("--peers", action="store_true", help="also other tools, each installed in an environment of its own")
    chosen = parser.parse_args()
    for name in chosen.names or BENCHES:
        BENCHES[name](chosen.rows, chosen.times, chosen.peers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
