# SPDX-License-Identifier: BSD-2-Clause
"""Contenders beside conv2d's own runner: name -> module and class. Each runs in a process of its
own (worker.py). Names that begin with conv2d are ours; all others are peers."""
CONTENDERS = {
    "torch": ("peers.torch_", "Eager"),
    "torch_cl": ("peers.torch_", "ChannelsLast"),
    "torch_prep": ("peers.torch_", "Prepacked"),
    "ort": ("peers.ort", "Plain"),
    "ort_nchwc": ("peers.ort", "Blocked"),
    "openvino": ("peers.openvino_", "Plain"),
    "openvino_cl": ("peers.openvino_", "ChannelsLast"),
    "ncnn": ("peers.ncnn_", "Packed"),
    "ncnn_nchw": ("peers.ncnn_", "Plain"),
    "ncnn_direct": ("peers.ncnn_", "PackedWithoutWinograd"),
    "litert": ("peers.litert", "LiteRT"),
    "conv2d_python": ("peers.conv2d_", "Plain"),
    "conv2d_python_cl": ("peers.conv2d_", "ChannelsLast"),
}
# Peers that compute some layers by Winograd's algorithm. ncnn_direct is ncnn with that off.
USE_WINOGRAD = {"ncnn", "ncnn_nchw"}
