"""Copies what the paths name into the artifact's folder, below the deepest folder that holds all of it."""

import glob
import os
import shutil
import sys
from pathlib import Path

lines = [line.strip() for line in os.environ["PATHS"].splitlines() if line.strip()]
found = [Path(one) for line in lines for one in glob.glob(os.path.expanduser(line), recursive=True)]
files = [file for one in found for file in ([one] if one.is_file() else one.rglob("*")) if file.is_file()]
if not files:
    sys.exit(os.environ["MISSING"] == "error")
folders = [str(one if one.is_dir() else one.parent) for one in found]
root = Path(os.path.commonpath([os.path.abspath(folder) for folder in folders]))
for file in files:
    target = Path(os.environ["EVIDENCE_STORE"]) / os.environ["NAME"] / file.absolute().relative_to(root)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(file, target)
