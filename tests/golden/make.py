# SPDX-License-Identifier: BSD-2-Clause
"""Write the golden files: a few small problems of every category of tests/torch with what PyTorch
says to them. Run again only to change them on purpose: python3 tests/golden/make.py
"""
import os
import sys
import warnings
from collections import Counter

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "torch"))
import cases        # noqa: E402
import categories   # noqa: E402
import compare      # noqa: E402
import draw         # noqa: E402
import oracle       # noqa: E402
import refusals     # noqa: E402

SEED = 20132
EACH = 5                # problems of a category
MORE = {"wild": 24, "activations": 36, "activations, special": 36, "same and valid": 14,
        "padding modes": 12, "channels that do not fit": 8, "kernel beyond input": 8}
RECORD_BYTES = 6000     # a problem that takes more is drawn again
REFUSAL_BYTES = 2500    # of an error the data do not matter
SPECIAL_BYTES = 4500    # "activations, special" has 56 values a channel
SAME_ACTIVATION = 3     # at most, of a category, so that each occurs in 36 problems


def choose(name, function, number):
    """The first EACH problems that are small, numbered from number; "wild" gives more."""
    limit = SPECIAL_BYTES if "special" in name else \
        REFUSAL_BYTES if name in refusals.REFUSALS else RECORD_BYTES
    wanted = MORE.get(name, EACH)
    records, used = [], Counter()
    while len(records) < wanted:
        number += 1
        p = function(draw.seeded(SEED, number))
        p.category, p.id = name, number
        if name.startswith("activations") and used[p.activation] == SAME_ACTIVATION:
            continue
        outcome, _ = compare.expect(p)
        record = cases.encode(p, outcome)
        if len(record) <= limit:
            records.append(record)
            used[p.activation] += 1
    return records


def write(path, lists):
    records = [r for i, (name, (_, function)) in enumerate(lists)
               for r in choose(name, function, 10000 * (i + 1))]
    with open(path, "wb") as file:
        file.write(cases.MAGIC + b"".join(records))
    print(f"{os.path.basename(path)}: {len(records)} problems, {os.path.getsize(path)} bytes")


def main():
    warnings.simplefilter("ignore")
    oracle.prepare()
    if not torch.__version__.startswith("2.13"):
        print(f"warning: torch is {torch.__version__}, the README says 2.13")
    named = [c for c in categories.CATEGORIES.items() if c[0] != "layers of networks"]
    write(os.path.join(HERE, "shapes.bin"), [c for c in named if "activations" not in c[0]])
    write(os.path.join(HERE, "activations.bin"), [c for c in named if "activations" in c[0]])
    write(os.path.join(HERE, "refusals.bin"), list(refusals.REFUSALS.items()))


if __name__ == "__main__":
    main()
