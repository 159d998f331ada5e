# SPDX-License-Identifier: BSD-2-Clause
"""Run checks of the tree: lint.py ROOT CHECK..., or lint.py ROOT symbols SHARED STATIC.

Prints one line for each finding, path:line: sentence, and exits with 1 if there is any."""
import sys

import check_files
import check_headers
import check_structure
import check_symbols

CHECKS = {**check_files.CHECKS, **check_structure.CHECKS, **check_headers.CHECKS}


def main(arguments):
    root, names = arguments[0], arguments[1:]
    if names[:1] == ["symbols"]:
        findings = list(check_symbols.check(root, *names[1:3], sanitized="sanitized" in names))
    else:
        findings = [finding for name in names for finding in CHECKS[name](root)]
    for path, line, sentence in findings:
        print(f"{path}:{line}: {sentence}")
    print(f"{' '.join(names[:1] if names[0] == 'symbols' else names)}: {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
