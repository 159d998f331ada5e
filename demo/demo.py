# SPDX-License-Identifier: BSD-2-Clause
"""What `make demo` does after building: five convolutions of real photographs by the command line.

demo.py --build BUILD --images FOLDER --out FOLDER [--repeat N]. Each job is one `conv2d run`
that also computes in float64 and compares; pictures and one contact sheet land in the folder OUT.
Standard library only; drawing is done by contact_sheet (C) and mosaic.py."""
import argparse
import json
import math
import os
import random
import subprocess
import sys

import mosaic

FONTS = "/usr/share/fonts/truetype/dejavu"
# name, photograph, result, options of `conv2d run`. Weights that are .npy files are made below.
JOBS = (
    ("Wide Gaussian", "astronaut.png", "gaussian.png",
     "--weight gaussian:41,8 --padding same --padding-mode reflect"),
    ("Edge detector", "chelsea.png", "edges.png",
     "--weight log.npy --groups 3 -p 4 --padding-mode reflect -a relu"),
    ("Sharpen", "rocket.jpg", "sharpen.png",
     "--weight sharpen --padding 1 --padding-mode replicate"),
    ("Emboss, half size", "astronaut.png", "emboss.png",
     "--weight emboss --stride 2 --padding 1 --padding-mode reflect"),
    ("A random network layer", "chelsea.png", "layer.npy",
     "--weight layer-weight.npy --bias layer-bias.npy --stride 2 --padding 1 --activation relu"),
)


def laplacian_of_gaussian(size=9, sigma=1.2, gain=1.9):
    """Weights [3, 1, size, size] that answer to thin bright lines and edges of each colour."""
    half = size // 2
    radii = [(y * y + x * x) / (2 * sigma * sigma)
             for y in range(-half, half + 1) for x in range(-half, half + 1)]
    values = [(1 - r) * math.exp(-r) for r in radii]
    mean = sum(values) / len(values)
    return 3 * [gain * (value - mean) for value in values]


def write_weights(folder, seed=7):
    """The weights of the edge detector and of a 3x3 layer 3 -> 64, normal as networks begin."""
    mosaic.write_npy(os.path.join(folder, "log.npy"), (3, 1, 9, 9), laplacian_of_gaussian())
    source = random.Random(seed)
    deviation = math.sqrt(2 / 27)
    weights = []
    for _ in range(64):
        filter_ = [source.gauss(0, deviation) for _ in range(27)]
        # Most of the mean goes, and what stays is positive: a channel that answers to brightness
        # shows little, one that answers to darkness is black after relu.
        mean = sum(filter_) / 27
        weights += [value - mean + 0.15 * abs(mean) for value in filter_]
    mosaic.write_npy(os.path.join(folder, "layer-weight.npy"), (64, 3, 3, 3), weights)
    mosaic.write_npy(os.path.join(folder, "layer-bias.npy"), (64,), 64 * [0.02])


def call(tool, words, **options):
    result = subprocess.run([tool, *words], stdin=subprocess.DEVNULL, capture_output=True,
                            text=True, check=False, **options)
    if result.returncode:
        sys.exit(f"demo: conv2d {' '.join(words)}\ndemo: exit code {result.returncode}: "
                 f"{result.stderr.strip() or result.stdout.strip()}")
    return result.stdout


def time_text(seconds):
    return f"{seconds * 1e3:.2f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f} µs"


def facts(report):
    """What is shown below a picture and printed: plan, time, GFLOP/s, error."""
    plan, check = report["plan"], report["verify"]
    return (f"plan {plan['algorithm']}/{plan['variant']}", time_text(report["seconds"]),
            f"{report['gflops']:.1f} GFLOP/s",
            f"error {check['max_error']:.1e}, {100 * check['max_error_over_bound']:.1f} % of its "
            f"bound")


def run_jobs(tool, images, out, repeat):
    """Runs all jobs; yields (name, photograph, result, the command as a user types it, facts)."""
    for name, photograph, result, options in JOBS:
        words = ["run", photograph, *options.split(), "-o", result]
        command = "conv2d " + " ".join(words)
        words[1] = os.path.join(images, photograph)
        words += ["--verify", "--json", "--repeat", str(repeat)]
        report = json.loads(call(tool, words, cwd=out))["results"][0]
        yield name, photograph, result, command, facts(report)


def manifest(shown, info):
    device = info["device"]
    lines = [("title", "Five convolutions"),
             ("subtitle", f"Each picture is one command, checked against float64 · conv2d "
                          f"{info['version']} · {device['model'] or 'CPU'} · {device['isa']}, "
                          f"threads: {device['n_threads']}")]
    for name, photograph, result, command, said in shown:
        lines.append(("band" if result.endswith("mosaic.png") else "card", result, photograph,
                      name, command, said[0], " · ".join(said[1:])))
    lines.append(("footer", "Photographs: Eileen Collins, NASA, public domain · Chelsea, Stefan "
                            "van der Walt, CC0 · DSCOVR on Falcon 9, SpaceX, public domain"))
    return "".join("\t".join(line) + "\n" for line in lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--images", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--fonts", default=FONTS)
    parser.add_argument("--repeat", type=int, default=15)
    options = parser.parse_args()
    tool = os.path.abspath(os.path.join(options.build, "cli", "conv2d"))
    sheet = os.path.abspath(os.path.join(options.build, "demo", "contact_sheet"))
    images, out = os.path.abspath(options.images), os.path.abspath(options.out)
    os.makedirs(out, exist_ok=True)
    write_weights(out)

    shown, originals = [], {}
    for name, photograph, result, command, said in run_jobs(tool, images, out, options.repeat):
        print(f"{name}\n    {command}\n    {', '.join(said)}")
        if photograph not in originals:  # the sheet reads PNG: the tool itself converts
            originals[photograph] = "original-" + os.path.splitext(photograph)[0] + ".png"
            call(tool, ["run", os.path.join(images, photograph), "--weight", "identity",
                        "--padding", "same", "-o", originals[photograph]], cwd=out)
        if result.endswith(".npy"):
            picture = "layer-mosaic.png"
            mosaic.mosaic(os.path.join(out, result), os.path.join(out, picture))
            result = picture
        shown.append((name, originals[photograph], result, command, said))

    info = json.loads(call(tool, ["info", "--json"]))
    subprocess.run([sheet, options.fonts, "contact-sheet.png"], cwd=out, check=True, text=True,
                   input=manifest(shown, info))
    place = os.path.relpath(out)
    print(f"\nPictures are in {place}/; begin with {os.path.join(place, 'contact-sheet.png')}")


if __name__ == "__main__":
    main()
