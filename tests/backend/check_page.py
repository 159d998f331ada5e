# SPDX-License-Identifier: BSD-2-Clause
"""docs/add-a-backend.md names every member of the two vtables and only files that exist."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
header = (root / "src/backend/backend.h").read_text()
page = (root / "docs/add-a-backend.md").read_text()
quoted = set(re.findall(r"`([^`]+)`", page))
faults = []

for table in ("c2_backend", "c2_algorithm"):
    body = re.search(r"struct %s \{(.*?)\n\};" % table, header, re.S).group(1)
    body = re.sub(r"/\*.*?\*/", "", body, flags=re.S)
    plain = re.sub(r"\([^;]*;", "", body)
    members = re.findall(r"\(\*(\w+)\)\(", body) + re.findall(r"(\w+);", plain)
    if len(members) < 10:
        sys.exit(f"{table}: only {members} found; has the header's form changed?")
    faults += [f"{table}.{m} is not on the page" for m in members if m not in quoted]

for word in sorted(quoted):
    if re.fullmatch(r"(src|tests|docs)/[\w./]+\.(c|h|md)", word) and not (root / word).exists():
        faults.append(f"{word} is named on the page and does not exist")

print("\n".join(faults) or "docs/add-a-backend.md and backend.h agree")
sys.exit(bool(faults))
