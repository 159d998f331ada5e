# SPDX-License-Identifier: BSD-2-Clause
"""All tests of the Python package that `import conv2d` finds: run.py [names of test modules].

Exit status 77 where NumPy is absent. Cases that need torch or a C compiler say so and are skipped
one by one where it is absent."""
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    try:
        import numpy
    except ImportError:
        print("skipped: NumPy is absent")
        return 77
    sys.path.insert(0, HERE)
    import conv2d
    print(f"conv2d {conv2d.__version__} of {conv2d.info()['library']}, NumPy {numpy.__version__}, "
          f"Python {sys.version.split()[0]}", flush=True)
    loader = unittest.TestLoader()
    if len(sys.argv) > 1:
        suite = loader.loadTestsFromNames(sys.argv[1:])
    else:
        suite = loader.discover(HERE, top_level_dir=HERE)
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=1).run(suite)
    for test, reason in result.skipped:
        print(f"skipped {test}: {reason}")
    return 0 if result.wasSuccessful() and result.testsRun else 1


if __name__ == "__main__":
    sys.exit(main())
