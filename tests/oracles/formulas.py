"""Cells that a spreadsheet would take for formulas, as Python's `csv` reads them
from `app/tests/formulas.csv`, which is what the page writes (`app/src/table.rs`).

The rule (README): a text that begins with = + - @, a tab or a line
break, or with apostrophes and then one of these, has one more apostrophe in
front; whoever reads the file takes that one off.
"""

import csv
import re
from pathlib import Path

FILE = Path(__file__).parents[2] / "app" / "tests" / "formulas.csv"
FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")

TEXTS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\tx",
    "\rx",
    "\nx",
    "＝1",
    "'=1",
    "''=1",
    "'tis",
    "a=b",
    '=HYPERLINK("http://x", "y")',
    "'",
]


def plain(text):
    return text[1:] if text.startswith("'") and FORMULA.match(text) else text


rows = [[text, text + ", too", text, ""] for text in TEXTS]
with FILE.open(newline="", encoding="utf-8") as file:
    found = list(csv.reader(file))
assert not any(re.match(r"[=+\-@\t\r\n＝＋－＠]", text) for row in found for text in row)
assert [[plain(text) for text in row] for row in found] == rows
print(f"{FILE.name}: {len(rows)} rows, read back unchanged")
