# SPDX-License-Identifier: BSD-2-Clause
"""Installs into a scratch prefix and uses it as a stranger would.

test_package.py SOURCE BUILD CC CXX CMAKE: the README's program exactly as it stands, pkg-config
shared and static, a CMake project of its own in C and in C++, and the version said everywhere."""
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE, BUILD, CC, CXX, CMAKE = sys.argv[1:6]
PREFIX = LIBDIR = None
SCRATCH = tempfile.mkdtemp(prefix="conv2d-package-")

CONSUMER = """cmake_minimum_required(VERSION 3.22)
project(consumer LANGUAGES {language})
find_package(conv2d {version} REQUIRED COMPONENTS {component})
add_executable(consumer {file})
target_link_libraries(consumer PRIVATE conv2d::{target})
"""


def run(*command, cwd=SCRATCH, environment=None, status=0):
    result = subprocess.run(command, cwd=cwd, env={**os.environ, **(environment or {})},
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if result.returncode != status:
        raise AssertionError(f"{shlex.join(command)}: status {result.returncode}\n"
                             f"{result.stdout}{result.stderr}")
    return result.stdout


def setUpModule():
    global PREFIX, LIBDIR
    PREFIX = os.path.join(SCRATCH, "usr")
    run(CMAKE, "--install", BUILD, "--prefix", PREFIX)
    for where, _, names in os.walk(PREFIX):
        if "conv2d.pc" in names:
            LIBDIR = os.path.dirname(where)


def tearDownModule():
    shutil.rmtree(SCRATCH)


def found():
    """The environment in which pkg-config and the loader look into the prefix."""
    return {"PKG_CONFIG_PATH": os.path.join(LIBDIR, "pkgconfig"), "LD_LIBRARY_PATH": LIBDIR}


def readme():
    with open(os.path.join(SOURCE, "README.md"), encoding="utf-8") as file:
        return file.read()


def program():
    return re.search(r"^```c\n(.*?)^```", readme(), re.S | re.M).group(1)


def header_version():
    with open(os.path.join(SOURCE, "include/conv2d/version.h"), encoding="utf-8") as file:
        return ".".join(re.findall(r"define CONV2D_VERSION_\w+ (\d+)", file.read()))


class Package(unittest.TestCase):
    def folder(self, name, files):
        path = os.path.join(SCRATCH, name)
        os.makedirs(path)
        for file, text in files.items():
            with open(os.path.join(path, file), "w", encoding="utf-8") as out:
                out.write(text)
        return path

    def check_disc(self, picture):
        """The program prints what the README shows, and that is a closed ring."""
        self.assertEqual(picture, re.search(r"^```\n([.#\n]+)^```", readme(), re.S | re.M).group(1))
        rows = picture.splitlines()
        self.assertEqual([len(row) for row in rows], [40] * 16)
        self.assertEqual(rows[8][20] + rows[0][0] + rows[15][39], "...")
        self.assertEqual(rows[8].count("#"), 2)

    def test_readme_program(self):
        lines = program().count("\n")
        self.assertLessEqual(lines, 30)
        command = re.search(r"^    (cc .*)$", readme(), re.M).group(1)
        source = re.match(r"cc (\S+\.c) \$\(pkg-config --cflags --libs conv2d\)", command).group(1)
        folder = self.folder("readme", {source: program()})
        self.check_disc(run("sh", "-c", command, cwd=folder, environment=found()))

    def test_readme_program_without_warnings(self):
        folder = self.folder("warnings", {"a.c": program()})
        for standard in ("c99", "c17"):
            run(CC, f"-std={standard}", "-Wall", "-Wextra", "-pedantic", "-Werror", "-c", "a.c",
                "-I" + os.path.join(PREFIX, "include"), cwd=folder)

    def test_pkg_config_static(self):
        folder = self.folder("static", {"a.c": program()})
        flags = run("pkg-config", "--static", "--cflags", "--libs", "conv2d", environment=found())
        run(CC, "a.c", "-static", *shlex.split(flags), "-o", "a", cwd=folder)
        self.check_disc(run("./a", cwd=folder))

    def test_cmake_consumers(self):
        major_minor = header_version().rsplit(".", 1)[0]
        for language, file in (("C", "a.c"), ("CXX", "a.cpp")):
            for component, target in (("shared", "conv2d"), ("static", "conv2d_static")):
                with self.subTest(language=language, component=component):
                    folder = self.folder(f"{language}-{component}", {
                        file: program(),
                        "CMakeLists.txt": CONSUMER.format(
                            language=language, version=major_minor, component=component,
                            file=file, target=target)})
                    run(CMAKE, "-S", ".", "-B", "b", f"-DCMAKE_PREFIX_PATH={PREFIX}",
                        f"-DCMAKE_C_COMPILER={CC}", f"-DCMAKE_CXX_COMPILER={CXX}", cwd=folder)
                    run(CMAKE, "--build", "b", cwd=folder)
                    self.check_disc(run("b/consumer", cwd=folder))
                    linked = run("readelf", "-d", "b/consumer", cwd=folder)
                    self.assertEqual("libconv2d.so" in linked, component == "shared")

    def test_cmake_refuses_another_version(self):
        folder = self.folder("version", {"CMakeLists.txt": CONSUMER.format(
            language="C", version="77.0", component="shared", file="a.c", target="conv2d")})
        run(CMAKE, "-S", ".", "-B", "b", f"-DCMAKE_PREFIX_PATH={PREFIX}", cwd=folder, status=1)

    def test_soname_and_links(self):
        with open(os.path.join(SOURCE, "include/conv2d/version.h"), encoding="utf-8") as file:
            abi = re.search(r"CONV2D_ABI_VERSION (\d+)", file.read()).group(1)
        dynamic = run("readelf", "-d", os.path.join(LIBDIR, "libconv2d.so"))
        self.assertIn(f"Library soname: [libconv2d.so.{abi}]", dynamic)
        for name in ("libconv2d.so", f"libconv2d.so.{abi}"):
            target = os.path.basename(os.path.realpath(os.path.join(LIBDIR, name)))
            self.assertEqual(target, f"libconv2d.so.{header_version()}")

    def test_versions_agree(self):
        said = run("pkg-config", "--modversion", "conv2d", environment=found()).strip()
        self.assertEqual(said, header_version())
        tool = os.path.join(PREFIX, "bin/conv2d")
        if os.path.exists(tool):
            self.assertIn(header_version(), run(tool, "--version", environment=found()))
        with open(os.path.join(SOURCE, "CHANGELOG.md"), encoding="utf-8") as file:
            self.assertIn(f"\n## {header_version()}", file.read())

    def test_headers_and_manual(self):
        headers = sorted(os.listdir(os.path.join(PREFIX, "include/conv2d")))
        self.assertEqual(headers, sorted(os.listdir(os.path.join(SOURCE, "include/conv2d"))))
        if os.path.exists(os.path.join(PREFIX, "bin/conv2d")):
            self.assertTrue(os.path.exists(os.path.join(PREFIX, "share/man/man1/conv2d.1")))

    def test_destdir(self):
        stage = os.path.join(SCRATCH, "stage")
        run(CMAKE, "--install", BUILD, "--prefix", "/opt", environment={"DESTDIR": stage})
        inside = os.path.join(stage, "opt", os.path.relpath(LIBDIR, PREFIX), "pkgconfig/conv2d.pc")
        with open(inside, encoding="utf-8") as file:
            self.assertIn("prefix=/opt\n", file.read())
        self.assertEqual(os.listdir(stage), ["opt"])

    def test_no_build_path_inside(self):
        """What is installed does not name the folders it was built in."""
        for where, _, names in os.walk(PREFIX):
            for name in names:
                path = os.path.join(where, name)
                if os.path.islink(path):
                    continue
                with open(path, "rb") as file:
                    content = file.read()
                for place in (SOURCE, os.path.realpath(BUILD)):
                    self.assertNotIn(place.encode(), content, path)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
