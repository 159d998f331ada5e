#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Make sure that what a purpose needs is installed: scripts/bootstrap.sh PURPOSE
# PURPOSE is build, demo, test, bench, metal, abi, debian or ci.
#
# Nothing is asked, and with everything in place nothing happens and no network is used. What is
# missing is installed by apt-get as root or through password-less sudo; without that right, or on
# a system without apt-get, the packages are printed and the exit status is 2.
# Package names are those of Debian 12.
set -u
export LC_ALL=C

purpose=${1:-build}
case $purpose in
build | demo | test | bench | metal | abi | debian | ci) ;;
*)
    echo "usage: scripts/bootstrap.sh build|demo|test|bench|metal|abi|debian|ci" >&2
    exit 2
    ;;
esac

# purpose  check  argument  package; the purposes below say whose lines they need.
table='
build command cc                                    gcc
build header  stdlib.h                              libc6-dev
build command make                                  make
build command cmake                                 cmake
build command pkg-config                            pkg-config
build header  cpu_features/cpu_features_macros.h    libcpu-features-dev
build header  kissfft/kiss_fft.h                    libkissfft-dev
build module  spng                                  libspng-dev
build module  libjpeg                               libjpeg62-turbo-dev
build module  jansson                               libjansson-dev
demo  command python3                               python3
demo  module  freetype2                             libfreetype-dev
demo  file    /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf  fonts-dejavu-core
test  command python3                               python3
test  command g++                                   g++
test  command nm                                    binutils
test  module  cmocka                                libcmocka-dev
test  header  simde/x86/avx512.h                    libsimde-dev
test  header  dlpack/dlpack.h                       libdlpack-dev
test  python  numpy                                 python3-numpy
bench python  ensurepip                             python3-venv
abi   command abidiff                               abigail-tools
debian command dpkg-buildpackage                    dpkg-dev
debian command dh                                   debhelper
debian command dh_python3                           dh-python
debian command fakeroot                             fakeroot
debian command lintian                              lintian
debian python  numpy                                python3-numpy
metal command clang-19                              clang-19
ci    file    /usr/lib/llvm-19/lib/clang/19/lib/linux  libclang-rt-19-dev
ci    command llvm-cov-19                           llvm-19
ci    command ccache                                ccache
ci    command qemu-aarch64                          qemu-user
ci    command aarch64-linux-gnu-gcc                 gcc-aarch64-linux-gnu
ci    file    /usr/aarch64-linux-gnu/include/stdlib.h  libc6-dev-arm64-cross
'
case $purpose in
build) wanted=" build " ;;
demo) wanted=" build demo " ;;
test) wanted=" build test demo " ;;
bench) wanted=" build test demo bench " ;;
abi) wanted=" build abi " ;;
debian) wanted=" build debian " ;;
metal) wanted=" build test metal " ;;
ci) wanted=" build test demo bench abi debian metal ci " ;;
esac

# present KIND ARGUMENT: is it there?
present() {
    case $1 in
    command) command -v "$2" >/dev/null 2>&1 ;;
    file) [ -e "$2" ] ;;
    header) echo "#include <$2>" | cc -E -x c - >/dev/null 2>&1 ;;
    module) command -v pkg-config >/dev/null 2>&1 && pkg-config --exists "$2" 2>/dev/null ;;
    python) /usr/bin/python3 -c "import $2" >/dev/null 2>&1 ;; # the system's, which apt serves
    esac
}

# Prints the packages whose check fails, one a line, each once.
missing_packages() {
    while read -r room kind argument package; do
        [ -n "$room" ] || continue
        case $wanted in
        *" $room "*) present "$kind" "$argument" || echo "$package" ;;
        esac
    done <<<"$table" | sort -u
}

mapfile -t missing < <(missing_packages)
[ ${#missing[@]} -eq 0 ] && exit 0

refuse() {
    {
        echo "conv2d: $1"
        echo "Please install these packages (names of Debian 12), then try again:"
        echo "    apt-get install ${missing[*]}"
    } >&2
    exit 2
}

command -v apt-get >/dev/null 2>&1 || refuse "something is missing, and there is no apt-get here."
if [ "$(id -u)" -eq 0 ]; then
    as_root=(env)
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root=(sudo -n env)
else
    refuse "something is missing, and this user may not install it (no root, no free sudo)."
fi

echo "conv2d: installing from the system's packages: ${missing[*]}"
apt=("${as_root[@]}" DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# A failing update (one broken source is enough) does not matter if the packages can be had anyway.
if ! { "${apt[@]}" update; "${apt[@]}" install --no-install-recommends "${missing[@]}"; } \
    </dev/null >"$log" 2>&1; then
    tail -n 15 "$log" >&2
    refuse "apt-get failed (its last lines are above)."
fi

mapfile -t missing < <(missing_packages)
[ ${#missing[@]} -eq 0 ] || refuse "apt-get succeeded, but this is not found: ${missing[*]}."
echo "conv2d: everything that '$purpose' needs is installed."
