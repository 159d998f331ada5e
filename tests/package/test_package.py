# SPDX-License-Identifier: BSD-2-Clause
"""Installs into a scratch prefix and uses it as a stranger would.

test_package.py SOURCE BUILD CC CXX CMAKE: the README's program exactly as it stands; in C and in
C++, shared and static, by pkg-config and by a CMake project of its own; a prefix that was moved, a
prefix with the static library alone, the source as a part of another project; which versions and
components find_package() accepts; and the version said everywhere."""
import json
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


def shared_kissfft():
    """Whether the build uses a KissFFT without a static library: then programs cannot do without
    shared ones."""
    with open(os.path.join(BUILD, "CMakeCache.txt"), encoding="utf-8") as file:
        cache = file.read()
    return (re.search(r"^CONV2D_HAVE_KISSFFT:\w+=ON$", cache, re.M) is not None and
            re.search(r"^CONV2D_KISSFFT_LIBRARY:\w+=.*\.a$", cache, re.M) is None)


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

    def test_pkg_config(self):
        for compiler, file in ((CC, "a.c"), (CXX, "a.cpp")):
            for kind in ("shared", "static"):
                with self.subTest(file=file, kind=kind):
                    folder = self.folder(f"pkg-config-{file}-{kind}", {file: program()})
                    flags = ["--static"] * (kind == "static") + ["--cflags", "--libs", "conv2d"]
                    flags = shlex.split(run("pkg-config", *flags, environment=found()))
                    if kind == "static" and shared_kissfft():
                        flags = ["-l:libconv2d.a" if f == "-lconv2d" else f for f in flags]
                    elif kind == "static":
                        flags.insert(0, "-static")
                    run(compiler, file, *flags, "-o", "a", cwd=folder)
                    self.check_disc(run("./a", cwd=folder, environment=found()))
                    self.check_linked(os.path.join(folder, "a"), kind == "shared")

    def check_linked(self, program_path, shared):
        self.assertEqual("libconv2d.so" in run("readelf", "-d", program_path), shared)

    def consumer(self, name, prefix=None, build=True, status=0, **values):
        """Configures and builds a CMake project of its own; what configuring said."""
        values = {"language": "C", "file": "a.c", "version": "", "component": "shared",
                  "target": "conv2d", **values}
        folder = self.folder(name, {values["file"]: program(),
                                    "CMakeLists.txt": CONSUMER.format(**values)})
        said = run(CMAKE, "-S", ".", "-B", "b", f"-DCMAKE_PREFIX_PATH={prefix or PREFIX}",
                   f"-DCMAKE_C_COMPILER={CC}", f"-DCMAKE_CXX_COMPILER={CXX}",
                   *values.get("options", ()), cwd=folder, status=status)
        if build and not status:
            run(CMAKE, "--build", "b", cwd=folder)
            self.check_disc(run("b/consumer", cwd=folder))
            self.check_linked(os.path.join(folder, "b/consumer"), values["target"] == "conv2d")
        return said

    def test_cmake_consumers(self):
        major_minor = header_version().rsplit(".", 1)[0]
        for language, file in (("C", "a.c"), ("CXX", "a.cpp")):
            for component, target in (("shared", "conv2d"), ("static", "conv2d_static")):
                with self.subTest(language=language, component=component):
                    self.consumer(f"{language}-{component}", language=language, file=file,
                                  component=component, target=target, version=major_minor)

    def test_cmake_versions(self):
        """Same major and minor version: 0.x may change its API with each minor version."""
        major, minor, patch = (int(part) for part in header_version().split("."))
        for version, status in ((f"{major}.{minor}", 0), (f"{major}.{minor}.{patch} EXACT", 0),
                                (f"{major}.{minor}.{patch + 1}", 1), (f"{major}.{minor + 1}", 1),
                                (f"{major + 77}.0", 1)):
            with self.subTest(version=version):
                self.consumer("version-" + version.replace(" ", "-"), version=version,
                              build=False, status=status)

    def test_cmake_components(self):
        self.consumer("both", component="shared static", build=False)
        self.consumer("unknown", component="python", build=False, status=1)
        without = {"options": ["-DCMAKE_DISABLE_FIND_PACKAGE_Threads=ON"], "build": False}
        self.consumer("no-threads-shared", **without)
        self.consumer("no-threads-static", component="static", target="conv2d_static", status=1,
                      **without)

    def test_moved_prefix(self):
        """A prefix that was copied elsewhere serves CMake, and pkg-config --define-prefix."""
        moved = os.path.join(SCRATCH, "moved", "to there")
        shutil.copytree(PREFIX, moved, symlinks=True)
        self.consumer("moved-shared", prefix=moved)
        self.consumer("moved-static", prefix=moved, component="static", target="conv2d_static")
        pc = os.path.join(moved, os.path.relpath(LIBDIR, PREFIX), "pkgconfig")
        flags = run("pkg-config", "--define-prefix", "--cflags", "conv2d",
                    environment={"PKG_CONFIG_PATH": pc})
        self.assertEqual([os.path.realpath(f[2:]) for f in shlex.split(flags) if f[:2] == "-I"],
                         [os.path.realpath(os.path.join(moved, "include"))])

    def test_part_of_another_project(self):
        """add_subdirectory() builds library and program but no tests; installed with the static
        library alone, conv2d::conv2d and plain pkg-config are that."""
        prefix = os.path.join(SCRATCH, "static-only")
        folder = self.folder("outer", {
            "a.c": program(),
            "CMakeLists.txt": "cmake_minimum_required(VERSION 3.22)\n"
                              "project(outer LANGUAGES C)\n"
                              f"add_subdirectory({SOURCE} conv2d)\n"
                              "add_executable(consumer a.c)\n"
                              "target_link_libraries(consumer PRIVATE conv2d::conv2d_static)\n"})
        run(CMAKE, "-S", ".", "-B", "b", f"-DCMAKE_C_COMPILER={CC}", "-DCONV2D_MINIMAL=ON",
            "-DCONV2D_BUILD_CLI=OFF", "-DCONV2D_INSTALL_LIBRARIES=static",
            f"-DCMAKE_INSTALL_PREFIX={prefix}",
            "-DCMAKE_C_FLAGS=-DC2_PLAIN_BODIES",  # compiles five times as fast
            cwd=folder)
        run(CMAKE, "--build", "b", cwd=folder)
        self.check_disc(run("b/consumer", cwd=folder))
        self.assertFalse(os.path.exists(os.path.join(folder, "b/conv2d/tests")))

        run(CMAKE, "--install", "b", cwd=folder)
        libraries = [n for _, _, names in os.walk(prefix) for n in names if "libconv2d" in n]
        self.assertEqual(libraries, ["libconv2d.a"])
        pc = os.path.join(prefix, os.path.relpath(LIBDIR, PREFIX), "pkgconfig")
        flags = shlex.split(run("pkg-config", "--cflags", "--libs", "conv2d",
                                environment={"PKG_CONFIG_PATH": pc}))
        run(CC, "a.c", *flags, "-o", "a", cwd=folder)
        self.check_disc(run("./a", cwd=folder))
        self.consumer("static-only-wants-shared", prefix=prefix, build=False, status=1)
        outside = self.folder("static-only-consumer", {
            "a.c": program(), "CMakeLists.txt": CONSUMER.format(
                language="C", version="", component="static", file="a.c", target="conv2d")})
        run(CMAKE, "-S", ".", "-B", "b", f"-DCMAKE_PREFIX_PATH={prefix}",
            f"-DCMAKE_C_COMPILER={CC}", cwd=outside)
        run(CMAKE, "--build", "b", cwd=outside)
        self.check_disc(run("b/consumer", cwd=outside))

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
            self.assertIn(f"\n## [{header_version()}] - ", file.read())
        with open(os.path.join(SOURCE, "packaging/vcpkg/conv2d/vcpkg.json"),
                  encoding="utf-8") as file:
            self.assertEqual(json.load(file)["version"], header_version())

    def test_headers_manual_completions(self):
        headers = sorted(os.listdir(os.path.join(PREFIX, "include/conv2d")))
        self.assertEqual(headers, sorted(os.listdir(os.path.join(SOURCE, "include/conv2d"))))
        if os.path.exists(os.path.join(PREFIX, "bin/conv2d")):
            for path in ("man/man1/conv2d.1", "bash-completion/completions/conv2d",
                         "zsh/site-functions/_conv2d", "fish/vendor_completions.d/conv2d.fish"):
                with open(os.path.join(PREFIX, "share", path), encoding="utf-8") as file:
                    self.assertIn("padding-mode", file.read(), path)

    def test_dlpack_header(self):
        """conv2d/dlpack.h, in C and in C++; the only header that needs another package."""
        for compiler, standard in ((CC, "c99"), (CC, "c17"), (CXX, "c++17")):
            folder = self.folder("dlpack-" + standard, {})
            language = ["-x", "c++"] if compiler == CXX else []
            flags = run("pkg-config", "--cflags", "--libs", "conv2d", environment=found())
            run(compiler, f"-std={standard}", "-Wall", "-Wextra", "-pedantic", "-Werror", *language,
                os.path.join(SOURCE, "tests/package/use_dlpack.c"),
                *shlex.split(flags), "-o", "a", cwd=folder)
            run("./a", cwd=folder, environment=found())

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
