# SPDX-License-Identifier: BSD-2-Clause
"""Uses the built Debian packages without installing them: use_packages.py FOLDER.

Each .deb is unpacked (dpkg -x) into one root; then the tool runs, a C program is built by
pkg-config against the root and runs, and the Python modules convolve an array."""
import glob
import os
import re
import subprocess
import sys
import tempfile

PROGRAM = """#include <conv2d/conv2d.h>
#include <stdio.h>
int main(void) { return printf("%s\\n", conv2d_version()) < 0; }
"""
CONVOLVE = """import conv2d, numpy, importlib.metadata
assert importlib.metadata.version("conv2d") == conv2d.__version__
y = conv2d.conv2d(numpy.ones((1, 1, 4, 4), "f4"), numpy.ones((1, 1, 3, 3), "f4"))
assert y.tolist() == [[[[9.0, 9.0], [9.0, 9.0]]]], y
print(conv2d.__version__, conv2d.info()["library"])
"""
WANTED = {"libconv2d0", "libconv2d-dev", "conv2d", "python3-conv2d"}


def run(*command, **environment):
    return subprocess.run(command, env={**os.environ, **environment}, check=True, text=True,
                          stdout=subprocess.PIPE).stdout.strip()


def main(folder):
    packages = {os.path.basename(path).split("_")[0]: path
                for path in glob.glob(os.path.join(folder, "*.deb"))}
    missing = WANTED - set(packages)
    if missing:
        sys.exit(f"not built: {', '.join(sorted(missing))}")
    version = re.search(r"_([\d.]+)-", packages["conv2d"]).group(1)
    with tempfile.TemporaryDirectory(prefix="conv2d-debian-") as root:
        for name in sorted(WANTED):
            run("dpkg", "-x", packages[name], root)
        library = os.path.dirname(glob.glob(f"{root}/usr/lib/*/libconv2d.so")[0])
        assert run(f"{root}/usr/bin/conv2d", "--version").split()[-1] == version
        for path in ("man/man1/conv2d.1.gz", "bash-completion/completions/conv2d",
                     "fish/vendor_completions.d/conv2d.fish", "zsh/vendor-completions/_conv2d"):
            assert os.path.getsize(f"{root}/usr/share/{path}"), path

        flags = run("pkg-config", "--cflags", "--libs", "conv2d",
                    PKG_CONFIG_PATH=f"{library}/pkgconfig", PKG_CONFIG_SYSROOT_DIR=root,
                    PKG_CONFIG_ALLOW_SYSTEM_LIBS="1", PKG_CONFIG_ALLOW_SYSTEM_CFLAGS="1").split()
        with open(f"{root}/a.c", "w", encoding="utf-8") as file:
            file.write(PROGRAM)
        run("cc", f"{root}/a.c", *flags, "-o", f"{root}/a")
        assert run(f"{root}/a", LD_LIBRARY_PATH=library) == version

        modules = f"{root}/usr/lib/python3/dist-packages"
        link = f"{modules}/conv2d/libconv2d.so"
        target = os.path.join(os.path.dirname(link), os.readlink(link))
        if os.path.isabs(os.readlink(link)):
            target = root + os.readlink(link)
        assert os.path.exists(target), f"{link} leads to {os.readlink(link)}, which no package has"
        print(run("/usr/bin/python3", "-c", CONVOLVE, PYTHONPATH=modules, CONV2D_LIBRARY=target))
    print(f"debian: {len(WANTED)} packages of conv2d {version} work")


if __name__ == "__main__":
    main(sys.argv[1])
