#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Build the Debian source package and its binary packages into build-debian/: libconv2d0,
# libconv2d-dev, conv2d (tool and manual), python3-conv2d. scripts/debian-package.sh [--check]
#
# The tree is copied, packaging/debian becomes its debian/, and the version comes from
# include/conv2d/version.h. --check runs lintian and uses the packages, unpacked into a folder of
# their own: the tool, a C program against headers and library, the Python modules.
# DEB_BUILD_OPTIONS as usual; nocheck leaves out the tests of the build.
. "$(dirname "$0")/common.sh"
out=${BUILD:-build-debian}

scripts/bootstrap.sh debian
[ "${1:-}" != --check ] || scripts/bootstrap.sh test
version=$(sed -n 's/#define CONV2D_VERSION_[A-Z]* //p' include/conv2d/version.h | paste -sd .)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || date +%s)
export SOURCE_DATE_EPOCH DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS:-} parallel=$(n_jobs)"
log=$PWD/$out/build.log
tree=$PWD/$out/conv2d-$version
rm -rf "$out"
mkdir -p "$tree"

copy_tree "$tree"
tar -c --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" \
    -C "$out" "conv2d-$version" | gzip -n9 >"$out/conv2d_$version.orig.tar.gz"
cp -r packaging/debian "$tree/debian"
cat >"$tree/debian/changelog" <<END
conv2d ($version-1) UNRELEASED; urgency=medium

  * Release $version; CHANGELOG.md has what is new.

 -- $(sed -n 's/^Maintainer: //p' packaging/debian/control)  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
END

echo "conv2d: building Debian packages in $out/"
if ! (cd "$tree" && dpkg-buildpackage -us -uc) >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "debian: dpkg-buildpackage failed; all of its output is in $log" >&2
    exit 1
fi
ls "$out"/*.deb "$out"/*.dsc
[ "${1:-}" = --check ] || exit 0

lintian --profile debian --tag-display-limit 0 --suppress-tags-from-file \
    packaging/debian/lintian-suppressed --fail-on error,warning "$out"/conv2d_*.changes
exec python3 -B packaging/debian/use_packages.py "$out"
