# SPDX-License-Identifier: BSD-2-Clause
"""Conan 2 recipe that builds the checkout it lies in: conan create packaging/conan

minimal=True has no dependencies. Otherwise cpu_features comes from Conan's own packages or, for
shared=True, from the system where the profile has "[platform_requires] cpu_features/0.9.0"."""
import os
import re

from conan import ConanFile
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load, rmdir

ROOT = os.path.join("..", "..")


class Conv2d(ConanFile):
    name = "conv2d"
    description = "2-D convolution as deep-learning libraries define it, forward, on CPUs"
    license = "BSD-2-Clause"
    topics = ("convolution", "neural-network", "simd")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "fPIC": [True, False], "minimal": [True, False]}
    default_options = {"shared": False, "fPIC": True, "minimal": False}
    implements = ["auto_shared_fpic"]
    languages = "C"

    def set_version(self):
        text = load(self, os.path.join(self.recipe_folder, ROOT, "include/conv2d/version.h"))
        self.version = ".".join(re.findall(r"define CONV2D_VERSION_\w+ (\d+)", text))

    def export_sources(self):
        root = os.path.join(self.recipe_folder, ROOT)
        for pattern in ("CMakeLists.txt", "LICENSE", "cmake/*", "include/*", "src/*"):
            copy(self, pattern, src=root, dst=self.export_sources_folder)

    def requirements(self):
        if not self.options.minimal:
            self.requires("cpu_features/0.9.0")

    def layout(self):
        cmake_layout(self)

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["CONV2D_BUILD_CLI"] = False
        toolchain.cache_variables["CONV2D_BUILD_TESTS"] = False
        toolchain.cache_variables["CONV2D_KISSFFT"] = False  # not one of its requirements
        toolchain.cache_variables["CONV2D_MINIMAL"] = bool(self.options.minimal)
        toolchain.cache_variables["CONV2D_INSTALL_LIBRARIES"] = (
            "shared" if self.options.shared else "static")
        toolchain.generate()
        CMakeDeps(self).generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        CMake(self).install()
        for folder in ("lib/cmake", "lib/pkgconfig"):  # Conan writes its own
            rmdir(self, os.path.join(self.package_folder, folder))

    def package_info(self):
        self.cpp_info.libs = ["conv2d"]
        self.cpp_info.set_property("cmake_file_name", "conv2d")
        self.cpp_info.set_property("cmake_target_name", "conv2d::conv2d")
        self.cpp_info.set_property("pkg_config_name", "conv2d")
        if self.settings.os in ("Linux", "FreeBSD"):
            self.cpp_info.system_libs = ["m"]
            if not self.options.minimal:
                self.cpp_info.system_libs += ["pthread", "dl"]
