# SPDX-License-Identifier: BSD-2-Clause
"""The shared library: where it is found, its structs and functions as ctypes sees them, and its
status codes as exceptions.

Structs mirror include/conv2d/conv2d.h and device.h member by member; tests/python compares sizes
and offsets with a C program. ctypes.CDLL releases the GIL during every call."""
from __future__ import annotations

import ctypes
import os
import sys
from ctypes import (POINTER, c_char, c_char_p, c_double, c_int, c_int32, c_int64, c_size_t,
                    c_uint32, c_uint64, c_void_p)
from typing import Callable, NoReturn

_SUFFIX = {"darwin": ".dylib", "win32": ".dll"}.get(sys.platform, ".so")


class Tensor(ctypes.Structure):
    """conv2d_tensor"""
    _fields_ = [
        ("struct_size", c_uint32), ("dtype", c_int32), ("rank", c_int32), ("layout", c_int32),
        ("data", c_void_p), ("buffer", c_void_p), ("byte_offset", c_uint64),
        ("sizes", c_int64 * 4), ("strides", c_int64 * 4), ("quant", c_void_p)]


class Params(ctypes.Structure):
    """conv2d_params"""
    _fields_ = [
        ("struct_size", c_uint32), ("padding_mode", c_int32), ("stride", c_int64 * 2),
        ("padding", c_int64 * 4), ("dilation", c_int64 * 2), ("groups", c_int64),
        ("auto_pad", c_int32), ("activation", c_int32), ("output_min", c_double),
        ("output_max", c_double), ("alpha", c_double), ("accuracy", c_int32),
        ("flush_denormals", c_int32), ("workspace_limit", c_uint64), ("algorithm", c_char_p),
        ("weights", c_int32), ("reserved", c_int32)]


class RunArgs(ctypes.Structure):
    """conv2d_run_args"""
    _fields_ = [
        ("struct_size", c_uint32), ("reserved", c_int32), ("input", c_void_p),
        ("residual", c_void_p), ("output", c_void_p), ("workspace", c_void_p),
        ("workspace_bytes", c_size_t), ("queue", c_void_p), ("event", c_void_p),
        ("cancel", c_void_p)]


class DeviceOptions(ctypes.Structure):
    """conv2d_device_options"""
    _fields_ = [
        ("struct_size", c_uint32), ("n_threads", c_int32), ("pool", c_void_p),
        ("allocator", c_void_p), ("isa", c_char_p), ("log", c_void_p), ("log_user", c_void_p),
        ("native_device", c_void_p), ("native_queue", c_void_p)]


class DeviceInfo(ctypes.Structure):
    """conv2d_device_info"""
    _fields_ = [
        ("struct_size", c_uint32), ("n_threads", c_int32), ("backend", c_char_p),
        ("isa", c_char_p), ("isa_detected", c_char_p), ("features", c_char_p),
        ("model", c_char_p), ("l1d_bytes", c_size_t), ("l2_bytes", c_size_t),
        ("l3_bytes", c_size_t), ("proven", c_char_p), ("threadgroup_bytes", c_size_t),
        ("max_buffer_bytes", c_size_t)]


class KernelInfo(ctypes.Structure):
    """conv2d_kernel_info"""
    _fields_ = [
        ("struct_size", c_uint32), ("available", c_int32), ("name", c_char_p),
        ("family", c_char_p), ("isa", c_char_p), ("mr", c_int32), ("nr", c_int32)]


class PlanInfo(ctypes.Structure):
    """conv2d_plan_info"""
    _fields_ = [
        ("struct_size", c_uint32), ("n_candidates", c_int32), ("problem", c_char_p),
        ("backend", c_char_p), ("algorithm", c_char_p), ("variant", c_char_p),
        ("layout", c_char_p), ("bound_text", c_char_p), ("bound", c_double),
        ("flops", c_double), ("cost_seconds", c_double), ("packed_bytes", c_size_t),
        ("workspace_shared_bytes", c_size_t), ("workspace_worker_bytes", c_size_t),
        ("n_workers", c_int32), ("denormals_flushed", c_int32), ("choice", c_char_p)]


class CandidateInfo(ctypes.Structure):
    """conv2d_candidate_info"""
    _fields_ = [
        ("struct_size", c_uint32), ("chosen", c_int32), ("algorithm", c_char_p),
        ("variant", c_char_p), ("isa", c_char_p), ("refusal", c_char_p),
        ("cost_seconds", c_double), ("bound", c_double), ("packed_bytes", c_size_t),
        ("workspace_shared_bytes", c_size_t), ("workspace_worker_bytes", c_size_t),
        ("measured_seconds", c_double)]


class Problem(ctypes.Structure):
    """conv2d_problem"""
    _fields_ = [
        ("struct_size", c_uint32), ("weights_form", c_uint32), ("input", Tensor),
        ("weight", Tensor), ("bias", Tensor), ("residual", Tensor), ("output", Tensor),
        ("params", Params), ("algorithm_name", c_char * 56), ("name", c_char * 64)]


PROGRESS = ctypes.CFUNCTYPE(None, c_void_p, c_int, c_int, c_char_p)


class TuneOptions(ctypes.Structure):
    """conv2d_tune_options"""
    _fields_ = [
        ("struct_size", c_uint32), ("reserved", c_int32), ("seconds", c_double),
        ("progress", PROGRESS), ("user", c_void_p), ("cancel", c_void_p)]


class SaveOptions(ctypes.Structure):
    """conv2d_save_options"""
    _fields_ = [
        ("struct_size", c_uint32), ("n_inputs", c_int32), ("inputs", c_void_p),
        ("isas", c_char_p), ("without_packed", c_int32), ("reserved", c_int32)]


class LoadOptions(ctypes.Structure):
    """conv2d_load_options"""
    _fields_ = [
        ("struct_size", c_uint32), ("read", c_int32), ("skip_checksums", c_int32),
        ("reserved", c_int32)]


class ContextInfo(ctypes.Structure):
    """conv2d_context_info"""
    _fields_ = [
        ("struct_size", c_uint32), ("n_plans", c_int32), ("weight", Tensor), ("bias", Tensor),
        ("params", Params), ("times_packed", c_uint64), ("times_loaded", c_uint64),
        ("stored_forms", c_size_t), ("weight_bytes", c_size_t), ("packed_bytes", c_size_t),
        ("mapped_bytes", c_size_t)]


WRITE = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_size_t)

STRUCTS = {
    "conv2d_tensor": Tensor, "conv2d_params": Params, "conv2d_run_args": RunArgs,
    "conv2d_device_options": DeviceOptions, "conv2d_device_info": DeviceInfo,
    "conv2d_kernel_info": KernelInfo, "conv2d_plan_info": PlanInfo,
    "conv2d_candidate_info": CandidateInfo, "conv2d_problem": Problem,
    "conv2d_tune_options": TuneOptions, "conv2d_save_options": SaveOptions,
    "conv2d_load_options": LoadOptions, "conv2d_context_info": ContextInfo}

# Structs go as addresses (c_void_p takes an int, and byref() of anything): cheaper than POINTER.
_HANDLE_OUT = POINTER(c_void_p)
_FUNCTIONS = {
    "conv2d_version": (c_char_p,),
    "conv2d_status_text": (c_char_p, c_int),
    "conv2d_last_error": (c_char_p,),
    "conv2d_tensor_set_order": (None, c_void_p, c_int),
    "conv2d_output_sizes": (c_int, c_void_p, c_void_p, c_void_p, c_void_p),
    "conv2d": (c_int,) + 7 * (c_void_p,),
    "conv2d_prepack": (c_int, c_void_p, c_void_p, c_void_p, c_void_p, _HANDLE_OUT),
    "conv2d_run": (c_int, c_void_p, c_void_p),
    "conv2d_context_release_resources": (c_int, c_void_p),
    "conv2d_context_destroy": (None, c_void_p),
    "conv2d_plan_create": (c_int, c_void_p, c_void_p, c_void_p, c_void_p, _HANDLE_OUT),
    "conv2d_plan_destroy": (None, c_void_p),
    "conv2d_plan_describe": (c_int, c_void_p, c_void_p),
    "conv2d_plan_text": (c_int, c_void_p, c_int, c_void_p, c_size_t, POINTER(c_size_t)),
    "conv2d_plan_candidate": (c_int, c_void_p, c_int, c_void_p),
    "conv2d_problem_parse": (c_int, c_char_p, c_void_p),
    "conv2d_tune": (c_int, c_void_p, c_void_p, c_void_p, _HANDLE_OUT),
    "conv2d_wisdom_export": (c_int, c_void_p, c_void_p, c_size_t, POINTER(c_size_t)),
    "conv2d_wisdom_import": (c_int, c_void_p, c_char_p, c_size_t),
    "conv2d_wisdom_forget": (None, c_void_p),
    "conv2d_contexts_save": (c_int, c_int, c_void_p, c_void_p, c_char_p, c_void_p),
    "conv2d_contexts_write": (c_int, c_int, c_void_p, c_void_p, WRITE, c_void_p, c_void_p),
    "conv2d_file_open": (c_int, c_char_p, c_void_p, _HANDLE_OUT),
    "conv2d_file_open_memory": (c_int, c_void_p, c_size_t, c_void_p, _HANDLE_OUT),
    "conv2d_file_count": (c_int, c_void_p),
    "conv2d_file_name": (c_char_p, c_void_p, c_int),
    "conv2d_file_context": (c_int, c_void_p, c_void_p, c_char_p, _HANDLE_OUT),
    "conv2d_file_close": (None, c_void_p),
    "conv2d_context_with_params": (c_int, c_void_p, c_void_p, _HANDLE_OUT),
    "conv2d_context_get_info": (c_int, c_void_p, c_void_p),
    "conv2d_cancel_create": (c_int, _HANDLE_OUT),
    "conv2d_cancel_trigger": (None, c_void_p),
    "conv2d_cancel_destroy": (None, c_void_p),
    "conv2d_dtype_bytes": (c_size_t, c_int32),
    "conv2d_buffer_create": (c_int, c_void_p, c_size_t, _HANDLE_OUT),
    "conv2d_buffer_destroy": (None, c_void_p),
    "conv2d_buffer_import": (c_int, c_void_p, c_void_p, _HANDLE_OUT),
    "conv2d_event_create": (c_int, c_void_p, _HANDLE_OUT),
    "conv2d_event_wait": (c_int, c_void_p),
    "conv2d_event_destroy": (None, c_void_p),
    "conv2d_copy_to_device": (c_int, c_void_p, c_void_p),
    "conv2d_copy_to_host": (c_int, c_void_p, c_void_p),
    "conv2d_device_name": (c_char_p, c_void_p),
    "conv2d_device_open": (c_int, c_char_p, c_void_p, _HANDLE_OUT),
    "conv2d_device_close": (None, c_void_p),
    "conv2d_device_sync": (c_int, c_void_p),
    "conv2d_device_get_info": (c_int, c_void_p, c_void_p),
    "conv2d_device_kernel_count": (c_int, c_void_p),
    "conv2d_device_kernel": (c_int, c_void_p, c_int, c_void_p),
}

# Status codes of status.h; any other one is a ValueError.
_EXCEPTIONS = {3: TypeError, 6: MemoryError, 8: RuntimeError, 9: RuntimeError, 10: RuntimeError,
               12: OSError}


def _find() -> str:
    named = os.environ.get("CONV2D_LIBRARY")
    if named:
        return named
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "libconv2d" + _SUFFIX)


def _load() -> ctypes.CDLL:
    path = _find()
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(
            f"the shared library of conv2d cannot be loaded: {error}. `pip install .` in the "
            f"project's root puts it beside the package; the environment variable CONV2D_LIBRARY "
            f"names another one.") from error
    for name, (result, *arguments) in _FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


path = _find()
lib = _load()
version = lib.conv2d_version().decode()


def encode(text: str, name: str) -> bytes:
    """A text as C takes it."""
    if "\0" in text:
        raise ValueError(f"{name} is {text!r}: a zero character ends a text in C")
    return text.encode("utf-8", "surrogateescape")


def check(status: int) -> None:
    """Raise what the library says, if status is not CONV2D_OK."""
    if status:
        fail(status)


def read_text(write: Callable[..., int], *arguments: object) -> str:
    """Text of a function that ends with (text, capacity, length_out)."""
    length, capacity = c_size_t(), 0
    while True:  # text may grow between two calls
        text = ctypes.create_string_buffer(capacity) if capacity else None
        check(write(*arguments, text, capacity, ctypes.byref(length)))
        if text is not None and length.value < capacity:
            return text.value.decode("utf-8", "replace")
        capacity = length.value + 1


def fail(status: int, prefix: str = "") -> NoReturn:
    """Raise the library's sentence about the call in this thread that returned status."""
    sentence = lib.conv2d_last_error() or lib.conv2d_status_text(status)
    raise _EXCEPTIONS.get(status, ValueError)(prefix + sentence.decode("utf-8", "replace"))
