"""The evidence on real files as a table: `make evidence`, or `python tests/evidence [--json FILE] [ITEM...]`.

Items 1, 2, 3 and 5 read the files of the folder that `PIPEMGR_CORPUS` names, and so do those from 11 on, which are about
Jenkins; items 4 and 17 execute files of our own; item 7 is `make bench`. Ends with 1 when a goal is not reached.
"""

import argparse
import importlib
import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ITEMS = {
    1: "reading",
    2: "round_trips",
    3: "validity",
    4: "executed",
    5: "converting",
    11: "jenkins_syntax",
    12: "jenkins_trips",
    13: "jenkins_calls",
    14: "jenkins_steps",
    16: "jenkins_converting",
    17: "jenkins_executed",
}
OWN = (4, 17)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "items", metavar="ITEM", nargs="*", type=int, help=f"some of {', '.join(map(str, ITEMS))}"
    )
    parser.add_argument("--json", type=Path, help="write the figures to a file as well")
    parser.add_argument("--details", action="store_true", help="list all that falls short, and all reasons")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    corpus, shown = (
        importlib.import_module("tests.evidence.corpus"),
        importlib.import_module("tests.evidence.figures"),
    )
    found = []
    for item, name in ITEMS.items():
        if options.items and item not in options.items:
            continue
        if item not in OWN and corpus.folder() is None:
            print(f"item {item} is left out: PIPEMGR_CORPUS names no folder of real files", file=sys.stderr)
            continue
        print(f"... {name}", file=sys.stderr)
        found += importlib.import_module(f"tests.evidence.{name}").figures()
    print(shown.shown(found, details=options.details))
    if options.json:
        options.json.write_text(json.dumps([one.data() for one in found], indent=2) + "\n", encoding="utf-8")
    return any(one.reached is False for one in found)


if __name__ == "__main__":
    sys.exit(main())
