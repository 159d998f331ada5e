# SPDX-License-Identifier: BSD-2-Clause
"""ncnn: packed blobs as between two layers of a network, planar blobs, and without Winograd."""
import os
import struct
import tempfile

import ncnn
import numpy as np

from .common import Adapter, Skip, cpu_has

HALF_OPTIONS = ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic",
                "use_bf16_storage", "use_bf16_packed", "use_int8_inference")


class Packed(Adapter):
    layout = "native"
    note = "packed blobs; no batches in ncnn: N > 1 is a loop"
    winograd = True

    def version(self):
        return ncnn.__version__

    def load(self, layer, weight, bias):
        """A network of one layer, through the files that ncnn reads."""
        kind = "Convolution" if layer.g == 1 else "ConvolutionDepthWise"
        keys = {0: layer.oc, 1: layer.kw, 11: layer.kh, 2: layer.dw, 12: layer.dh, 3: layer.sw,
                13: layer.sh, 4: layer.pw, 14: layer.ph, 5: 1, 6: weight.size}
        if layer.g > 1:
            keys[7] = layer.g
        words = " ".join(f"{key}={value}" for key, value in keys.items())
        net = ncnn.Net()
        net.opt.num_threads = self.threads
        net.opt.use_vulkan_compute = False
        for name in HALF_OPTIONS:
            setattr(net.opt, name, False)
        net.opt.use_packing_layout = net.opt.use_sgemm_convolution = net.opt.lightmode = True
        net.opt.use_winograd_convolution = self.winograd
        with tempfile.TemporaryDirectory(prefix="conv2d-ncnn-") as folder:
            base = os.path.join(folder, "net")
            with open(base + ".param", "w", encoding="ascii") as f:
                f.write(f"7767517\n2 2\nInput in0 0 1 in0\n{kind} conv 1 1 in0 out0 {words}\n")
            with open(base + ".bin", "wb") as f:
                f.write(struct.pack("<I", 0) + weight.tobytes() + bias.tobytes())
            if net.load_param(base + ".param") or net.load_model(base + ".bin"):
                raise Skip("ncnn does not load it")
        return net

    def setup(self, layer, x, weight, bias):
        self.net = self.load(layer, weight, bias)
        sizes = (16, 8, 4, 1) if cpu_has("avx512f") else (8, 4, 1)
        pack = next(n for n in sizes if layer.c % n == 0) if self.layout == "native" else 1
        self.images, self.inputs = [np.ascontiguousarray(image) for image in x], []
        for image in self.images:
            blob = ncnn.Mat(image).clone()
            if pack > 1:
                packed = ncnn.Mat()
                ncnn.convert_packing(blob, packed, pack, self.net.opt)
                blob = packed
            self.inputs.append(blob)
        self.outputs = [None] * layer.n
        self.extract_type = 1 if self.layout == "native" else 0  # 1: leave the blob packed

    def run(self):
        for i, blob in enumerate(self.inputs):
            extractor = self.net.create_extractor()
            extractor.input("in0", blob)
            _, self.outputs[i] = extractor.extract("out0", self.extract_type)

    def output(self):
        images = []
        for blob in self.outputs:
            if blob.elempack != 1:
                planar = ncnn.Mat()
                ncnn.convert_packing(blob, planar, 1, self.net.opt)
                blob = planar
            images.append(np.array(blob))
        return np.stack(images)


class Plain(Packed):
    layout = "nchw"
    note = "planar blobs, packed inside; N > 1 is a loop"


class PackedWithoutWinograd(Packed):
    winograd = False
    note = "ncnn with use_winograd_convolution off"
