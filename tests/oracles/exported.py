"""Runs experiments with Patchbay's command line and with the two scripts that the page
hands over, for TransformerLens and for nnsight; they must agree to 2e-4.

    python exported.py [NAME ...] [--only MODEL ...]

The experiments are exported/<name>.json, on the mini model or a random one: together
every kind of axes, what is brought, corruption and metric, sets of pairs and aligned
prompts, every source of directions that a report carries, every operator, unit and
kind of positions. What a script does not do it has to refuse, in the words below. The
command is cargo's, unless `PATCHBAY` names another one.
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
from copy import deepcopy
from pathlib import Path

os.environ |= {"HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"}  # before the imports that read them

from transformers import logging

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SCRIPTS = {name: ROOT / "www" / f"{name}.py" for name in ("transformer_lens", "nnsight")}
CARGO = ["cargo", "run", "--quiet", "--locked", "--bin", "patchbay", "--"]
PATCHBAY = [os.environ["PATCHBAY"]] if "PATCHBAY" in os.environ else CARGO
PLACEHOLDER = "REPORT = {}"
AGREE = 2e-4  # |difference| / max(1, |value|)

# What the script for nnsight says that it does not do.
REFUSED = {
    "aligned": "grids of the kind head_position",
    "axes": "the site mlp_pre",
    "no-bos": "sweeps that bring mean",
    "noise": "noise",
    "noise-of-pairs": "noise",
    "pairs": "sweeps that bring mean",
    "parts": "grids of the kind parts",
    "paths": "grids of the kind paths",
    "roles": "roles",
    "sites": "the site q",
    "steer-contrast": "directions of the kind contrast pca_diff",
    "steer-pair": "repetition_penalty",
    "steer-weights": "project_out at resid_pre",
    "steered-both": "noise",
    "steered-clean": "directions on a run of a pair",
    "steered-corrupted": "directions on a run of a pair",
    "untied-steering": "top_k",
    "zero": "the site pattern",
}


def folder(model: str) -> Path:
    return ROOT / "www" / "models" / "mini" if model == "mini" else HERE / "models" / model


def report(experiment: Path, model: str) -> dict:
    """What Patchbay finds."""
    command = [*PATCHBAY, "run", experiment, "--model", model if model == "mini" else folder(model)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        sys.exit(f"{experiment.name}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def filled(script: str, found: dict, changes: dict) -> str:
    """The script with a report in it, as the page writes it, and other lines changed."""
    lines = script.splitlines(keepends=True)
    changes = {PLACEHOLDER: f"REPORT = {json.dumps(found, ensure_ascii=False)}"} | changes
    for placeholder, line in changes.items():
        places = [i for i, line in enumerate(lines) if line.startswith(placeholder)]
        if len(places) != 1:
            sys.exit(f"A script has {len(places)} lines that begin with {placeholder}, not one.")
        lines[places[0]] = f"{line}\n"
    return "".join(lines)


def apart(script: str, found: dict, model: str, changes: dict) -> tuple[float | str, str]:
    """The largest difference, or the sentence of a refusal, and what the script printed."""
    printed = io.StringIO()
    with tempfile.TemporaryDirectory() as made:
        path = Path(made) / "exported.py"
        path.write_text(filled(script, found, changes), encoding="utf-8")
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
            sys.argv = [str(path), str(folder(model))]
            try:
                return runpy.run_path(str(path))["largest"], printed.getvalue()
            except SystemExit as refused:
                return str(refused), printed.getvalue()


def without_numbers(found: dict) -> dict:
    """The report of a direction that is in a dictionary's file."""
    found = deepcopy(found)
    feature = {"kind": "feature", "layer": 1, "feature": 7}
    found["experiment"]["steer"]["directions"][0]["source"] = feature
    return found


def with_another_token(found: dict) -> dict:
    """The report of a text that the model does not write."""
    found = deepcopy(found)
    found["steer"]["samples"][0]["steered"][3]["id"] += 1
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="experiments to run, else all")
    parser.add_argument("--only", nargs="+", metavar="MODEL", help="models to do, else all")
    chosen = parser.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    scripts = {name: path.read_text(encoding="utf-8") for name, path in SCRIPTS.items()}
    failed = []

    def check(name, script, found, model, wanted=None, changes=None):
        """Agreement where nothing is wanted, else a sentence or another text."""
        gap, printed = apart(scripts[script], found, model, changes or {})
        said = gap if isinstance(gap, str) else f"{gap:.1e}"
        print(f"exported/{name}, {script}: {said}")
        if not (wanted in said if wanted else said != gap and gap <= AGREE):
            failed.append(f"{name}, {script}")
            print(f"It should have been: {wanted}" if wanted else printed)

    for path in sorted((HERE / "exported").glob("*.json")):
        wanted = json.loads(path.read_text(encoding="utf-8"))
        name, model = path.stem, wanted["model"]
        if chosen.names and name not in chosen.names or chosen.only and model not in chosen.only:
            continue
        found = report(path, model)
        if len(found.get("sweeps", [])) != len(wanted.get("sweeps", [])):
            sys.exit(f"{path.name}: Patchbay ran {len(found.get('sweeps', []))} of its sweeps.")
        check(name, "transformer_lens", found, model)
        refused = f"This script does not do {REFUSED[name]};" if name in REFUSED else None
        check(name, "nnsight", found, model, refused)
        if name == "metrics":
            of = lambda *both: found["experiment"] | dict(zip(("clean", "corrupted"), both))
            pair = lambda *both: found | {"experiment": of(*both)}
            check(name, "nnsight", found, "untied", "more than it has room for, in 'When John")
            check(name, "nnsight", pair("a", "a b"), "untied", "reads 2 and 4 tokens in the pair")
            check(name, "nnsight", pair("a", "b"), "untied", "' Mary' has to be one token, but")
        if name == "both-patching":
            check(name, "nnsight", found, "untied", "are those of mini, and")
        if name == "both-steering":
            check(name, "nnsight", found, model, changes={"REMOTE = ": 'REMOTE = "local"'})
            check(name, "nnsight", found, "untied", "is at layer 3;")
            for script in SCRIPTS:
                check(name, script, without_numbers(found), model, "are not in the report")
                check(name, script, with_another_token(found), model, "inf")
    if failed:
        sys.exit(f"The scripts and Patchbay do not agree to {AGREE}: {'; '.join(failed)}")


if __name__ == "__main__":
    main()
