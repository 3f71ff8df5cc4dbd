"""Runs experiments with Patchbay's command line and with the script that the page
hands over for TransformerLens, on the mini model; the two must agree to 1e-3.

    python exported.py [NAME ...] [--only mini]

The experiments are exported/<name>.json: together every kind of axes, what is
brought, corruption and metric, sets of pairs and aligned prompts. The command is
cargo's, unless `PATCHBAY` names another one.
"""

import argparse
import contextlib
import io
import json
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ |= {"HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"}  # before the imports that read them

from transformers import logging

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MINI = ROOT / "www" / "models" / "mini"
SCRIPT = ROOT / "www" / "transformer_lens.py"
CARGO = ["cargo", "run", "--quiet", "--locked", "--bin", "patchbay", "--"]
PATCHBAY = [os.environ["PATCHBAY"]] if "PATCHBAY" in os.environ else CARGO
PLACEHOLDER = "REPORT = {}"
AGREE = 1e-3  # |difference| / max(1, |value|)


def report(experiment: Path) -> dict:
    """What Patchbay finds."""
    command = [*PATCHBAY, "run", experiment, "--model", "mini"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        sys.exit(f"{experiment.name}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def filled(script: str, found: dict) -> str:
    """The script with a report in it, as the page writes it."""
    lines = script.splitlines(keepends=True)
    places = [i for i, line in enumerate(lines) if line.startswith(PLACEHOLDER)]
    if len(places) != 1:
        sys.exit(
            f"{SCRIPT.name} has {len(places)} lines that begin with {PLACEHOLDER}; it should have one."
        )
    kept = {key: found[key] for key in ("engine", "model", "experiment", "metrics")}
    kept["sweeps"] = [{"values": sweep["values"]} for sweep in found.get("sweeps", [])]
    lines[places[0]] = f"REPORT = {json.dumps(kept, ensure_ascii=False)}\n"
    return "".join(lines)


def apart(script: str, found: dict) -> tuple[float, str]:
    """The largest difference, and what the script printed."""
    printed = io.StringIO()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "exported.py"
        path.write_text(filled(script, found), encoding="utf-8")
        with contextlib.redirect_stdout(printed):
            sys.argv = [str(path), str(MINI)]
            return runpy.run_path(str(path))["largest"], printed.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="experiments to run, else all")
    parser.add_argument("--only", nargs="+", metavar="MODEL", help="models to do, else all")
    chosen = parser.parse_args()
    if chosen.only and "mini" not in chosen.only:
        return
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    script = SCRIPT.read_text(encoding="utf-8")
    failed = []
    for path in sorted((HERE / "exported").glob("*.json")):
        if chosen.names and path.stem not in chosen.names:
            continue
        found = report(path)
        wanted = json.loads(path.read_text(encoding="utf-8"))
        if len(found.get("sweeps", [])) != len(wanted["sweeps"]):
            sys.exit(f"{path.name}: Patchbay ran {len(found.get('sweeps', []))} of its sweeps.")
        largest, printed = apart(script, found)
        print(f"exported/{path.stem}: {largest:.1e}")
        if not largest <= AGREE:
            failed.append(path.stem)
            print(printed)
    if failed:
        sys.exit(f"TransformerLens and Patchbay differ by more than {AGREE}: {', '.join(failed)}")


if __name__ == "__main__":
    main()
