"""Run all benchmarks: `make bench`, or `python tests/benchmarks [--quick] [--json FILE] [NAME...]`.

Every figure is a ratio to a rival or to the bare limit, measured in the same run. Very long ones run only by name.
"""

import argparse
import importlib.util
import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def show(rows):
    cells = [("BENCHMARK", "VALUE", "UNIT", "RATIO", "AGAINST")]
    cells += [
        (row["name"], f"{row['value']:,.4g}", row["unit"], f"{row['ratio']:.2f}", row["against"])
        for row in rows
    ]
    widths = [max(len(line[at]) for line in cells) for at in range(5)]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only the benchmarks whose file name contains one of these")
    parser.add_argument("--quick", action="store_true", help="small sizes: does everything run?")
    parser.add_argument("--json", type=Path, default=HERE.parents[1] / "build" / "benchmarks.json")
    options = parser.parse_args()
    rows = []
    for path in sorted(HERE.glob("bench_*.py")):
        if options.names and not any(name in path.stem for name in options.names):
            continue
        module = load(path)
        if options.names or not getattr(module, "ON_REQUEST", False):
            print(f"... {path.stem}", file=sys.stderr)
            rows += module.run(options.quick)
    show(rows)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    machine = {"python": platform.python_version(), "cpus": os.cpu_count(), "system": platform.system()}
    result = {"time": datetime.now(UTC).isoformat(), "quick": options.quick, "machine": machine, "rows": rows}
    options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"kept in {options.json}", file=sys.stderr)


if __name__ == "__main__":
    main()
