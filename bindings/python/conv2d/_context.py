# SPDX-License-Identifier: BSD-2-Clause
"""conv2d(), prepack() and the context it makes.

A call's structs (conv2d_tensor of input, residual and output, conv2d_run_args) are built once for
each combination of shapes, strides and dtypes and kept by the context; a run then only writes the
addresses into them. A thread that runs takes a set out of its list and puts it back, so no two
threads share one."""
from __future__ import annotations

import ctypes
import os
import threading
import weakref
from typing import (Any, Dict, Iterable, List, Optional, Sequence, SupportsIndex, Tuple, Union)

from . import _arrays, _files
from ._arrays import (TorchKind, _kinds, check_on_host, find_kind, is_channels_last, make_tensor,
                      metal_device)
from ._device import Device, find_device
from ._library import ContextInfo, Params, PlanInfo, RunArgs, Tensor, check, fail, lib, read_text
from ._options import IntOrPair, Padding, integer, make_params
from ._staging import Stage, fetch

Keys = Tuple[Any, ...]
_MAX_KEYS = 16  # combinations that a context remembers, as many as the library has plans for


def _describe_output(input: Tensor, weight: Tensor, params: Params,
                     channels_last: Optional[bool] = None) -> Tuple[Tensor, bool]:
    """The output for an input, without data, and whether it is channels-last; None: as the input
    is."""
    rank = input.rank
    sizes = (ctypes.c_int64 * 4)()
    status = lib.conv2d_output_sizes(ctypes.byref(input), ctypes.byref(weight),
                                     ctypes.byref(params), sizes)
    if status:
        fail(status)
    if channels_last is None:
        channels_last = is_channels_last(input.sizes[:rank], input.strides[:rank])
    output = make_tensor(input.dtype, tuple(sizes[:rank]), (0,) * rank, "output")
    lib.conv2d_tensor_set_order(ctypes.byref(output), int(channels_last))
    return output, channels_last


class _Call:
    """The structs of one run. Addresses change with every run, the rest never does."""

    def __init__(self, context: "Context", kinds: Keys, keys: Keys) -> None:
        self.kind, self.key = kinds[0], keys[0]
        if context._device.reads_host:
            for key, name in zip(keys, ("input", "residual", "out")):
                check_on_host(key, name)
        self.input: Any = self.kind.describe(keys[0], "input")
        self.residual: Any = kinds[1].describe(keys[1], "residual") if keys[1] else None
        if keys[2]:
            self.output: Any = kinds[2].describe(keys[2], "out")
        else:
            self.output, self.last = _describe_output(self.input, context._weight,
                                                      context._params)
            self.sizes = tuple(self.output.sizes[:self.output.rank])
        residual = ctypes.addressof(self.residual) if self.residual else None
        self.args = RunArgs(
            struct_size=ctypes.sizeof(RunArgs), input=ctypes.addressof(self.input),
            residual=residual, output=ctypes.addressof(self.output))
        self.address = ctypes.addressof(self.args)
        self.start: Any = lib.conv2d_run
        if not context._device.reads_host:
            self._stage(context, kinds, keys)

    def _stage(self, context: "Context", kinds: Keys, keys: Keys) -> None:
        """Let a Stage take conv2d_run()'s place on a device that does not read the host's memory,
        and take the addresses too."""
        _, last = _describe_output(self.input, context._weight, context._params)
        in_place = [bool(metal_device(key)) for key in (*keys[:2], keys[2] or keys[0])]
        of_torch = any(metal_device(key) and kind is TorchKind for key, kind in zip(keys, kinds))
        stage = Stage(context._device, self.args, last, of_torch)
        self.input = stage.add("input", self.input, in_place[0])
        if self.residual:
            self.residual = stage.add("residual", self.residual, in_place[1])
        self.output = stage.add("output", self.output, in_place[2])
        self.start = stage.start

    def new_output(self) -> Tuple[Any, Any]:
        """A new array for the result, and its address."""
        new: Tuple[Any, Any] = self.kind.allocate(self.key, self.sizes, self.last)
        return new


class Context:
    """A convolution with its weights: made by prepack() or load(), run on any number of inputs.

    Weights are packed for an input's shape at the first run with it. Any number of threads may use
    one context; the GIL is released while it computes. A context can be pickled (with the packed
    weights it holds) and arrives on the CPU device; copies share their weights."""

    def __init__(self, handle: Optional[int], device: Optional[Device] = None) -> None:
        """Takes over a handle of the library: prepack() and load() do that."""
        if not isinstance(handle, int) or device is None:
            raise TypeError("a Context is made by prepack() or load()")
        self._handle, self._device = handle, device
        # Not at exit: a daemon thread may be running it then.
        weakref.finalize(self, lib.conv2d_context_destroy, handle).atexit = False
        facts = self._facts()
        # Copies: what they were read from ends with this function.
        self._weight = Tensor.from_buffer_copy(facts.weight)
        self._params = Params.from_buffer_copy(facts.params)
        self._lock = threading.Lock()  # guards changes of _calls, but not of its lists
        self._calls: Dict[Keys, List[_Call]] = {}

    def run(self, input: Any, *, residual: Any = None, out: Any = None) -> Any:
        """Convolve: activation(conv2d(input, weight) + bias + residual). On "metal", tensors in
        the GPU's memory are used in place, others copied; the result is there on return.

        input     array [n, c, h, w] or [c, h, w] of the weight's dtype, any strides.
        residual  array of the output's shape, added before the activation; may be `out` itself.
        out       array of the output's shape to write to (any kind and strides, no overlap with
                  input or weight), or None for a new one: of the input's kind, and channels-last
                  in memory if the input is. Wanted for an input in a GPU's memory that is not
                  torch's.
        Returns   out, or the new array: [n, oc, oh, ow] or [oc, oh, ow].
        Raises    ValueError or TypeError with a sentence that names the argument; nothing has been
                  written then."""
        # kind_of() written out: of a run's 5 microseconds a function call costs a tenth.
        kind = _kinds.get(type(input)) or find_kind(input, "input")
        key, address, alive = kind.read(input, "input")
        key_residual = key_out = kind_residual = kind_out = None
        if residual is not None:
            kind_residual = _kinds.get(type(residual)) or find_kind(residual, "residual")
            key_residual, address_residual, alive_residual = kind_residual.read(
                residual, "residual")
        if out is not None:
            kind_out = _kinds.get(type(out)) or find_kind(out, "out")
            key_out, address_out, alive_out = kind_out.read(out, "out")
            kind_out.check_output(out)
        keys = (key, key_residual, key_out)
        calls: Any = self._calls.get(keys)
        try:
            call: Any = calls.pop()
        except (AttributeError, IndexError):
            call = _Call(self, (kind, kind_residual, kind_out), keys)
            calls = self._remember(keys)
        call.input.data = address
        if residual is not None:
            call.residual.data = address_residual
        if out is not None:
            result = out
        else:
            result, address_out = call.new_output()
        call.output.data = address_out
        status = call.start(self._handle, call.address)
        if status:
            fail(status)
        calls.append(call)
        return result if out is not None else kind.deliver(result, input)

    __call__ = run

    def _remember(self, keys: Keys) -> List[_Call]:
        """The list of calls of these keys; the oldest of too many is forgotten."""
        with self._lock:
            calls = self._calls.setdefault(keys, [])
            while len(self._calls) > _MAX_KEYS:
                del self._calls[next(iter(self._calls))]
        return calls

    def describe(self, input_shape: Sequence[SupportsIndex], *, channels_last: bool = False,
                 verbose: bool = False) -> str:
        """What runs for an input of this shape ([n, c, h, w] or [c, h, w]), contiguous or
        channels-last: problem, algorithm, error bound and memory; with verbose every candidate and
        why it was not chosen. Equal texts (without verbose) promise equal bits."""
        with _Plan(self, input_shape, channels_last) as plan:
            return read_text(lib.conv2d_plan_text, plan, int(verbose))

    def algorithm(self, input_shape: Sequence[SupportsIndex], *,
                  channels_last: bool = False) -> str:
        """Name of the algorithm that runs for an input of this shape (as in describe()), such as
        "igemm_ch"."""
        with _Plan(self, input_shape, channels_last) as plan:
            return str(plan_info(plan).algorithm.decode())

    def problem(self, input_shape: Sequence[SupportsIndex], *,
                channels_last: bool = False) -> str:
        """The convolution of an input of this shape (as in describe()) as one line of problem text,
        which tune() and the command line take."""
        with _Plan(self, input_shape, channels_last) as plan:
            return str(plan_info(plan).problem.decode())

    def release_resources(self) -> None:
        """Free packed weights, plans and workspaces; the next run makes them again. Safe twice, and
        while other threads run."""
        with self._lock:
            self._calls.clear()
        status = lib.conv2d_context_release_resources(self._handle)
        if status:
            fail(status)

    def info(self) -> Dict[str, Any]:
        """Facts: weight_shape [oc, c / groups, kh, kw]; dtype; bias (has it one?); groups;
        times_packed, times_loaded (packed forms computed from the weights, and taken from a file
        instead, since the weights exist); stored_forms (those for this device in the file it came
        from); weight_bytes, packed_bytes (memory held); mapped_bytes (used in place in a file)."""
        facts = self._facts()
        names = {code: name for name, code in _arrays.DTYPES.items()}
        numbers = ("times_packed", "times_loaded", "stored_forms", "weight_bytes", "packed_bytes",
                   "mapped_bytes")
        return {"weight_shape": tuple(facts.weight.sizes), "dtype": names[facts.weight.dtype],
                "bias": facts.bias.rank > 0, "groups": facts.params.groups,
                **{name: getattr(facts, name) for name in numbers}}

    def _facts(self) -> ContextInfo:
        facts = ContextInfo(struct_size=ctypes.sizeof(ContextInfo))
        check(lib.conv2d_context_get_info(self._handle, ctypes.byref(facts)))
        return facts

    def save(self, path: Union[str, bytes, "os.PathLike[Any]"],
             input_shapes: Iterable[Sequence[SupportsIndex]] = (), *, channels_last: bool = False,
             isas: Optional[str] = None, packed: bool = True) -> None:
        """Write the context to a file for load(): a safetensors file, replaced as a whole or not at
        all.

        path          of the file.
        input_shapes  [n, c, h, w] or [c, h, w] each: the packed weights for inputs of these shapes
                      are stored, so that who loads the file need not pack. Without any: the packed
                      weights that the context holds now, from runs with it.
        channels_last  the inputs of input_shapes are channels-last in memory.
        isas          with input_shapes: instruction sets to pack for, "all" or a list such as
                      "avx2,avx512"; None is this machine's.
        packed        False: only the weights; who loads the file packs again.
        Raises        OSError with path and reason; ValueError for a shape that does not fit."""
        _files.save(path, {"context": self}, input_shapes, channels_last=channels_last, isas=isas,
                    packed=packed)

    def __reduce__(self) -> Tuple[Any, ...]:
        return _files.from_bytes, (_files.to_bytes(self),)

    def __copy__(self) -> "Context":
        handle = ctypes.c_void_p()
        check(lib.conv2d_context_with_params(self._handle, ctypes.byref(self._params),
                                             ctypes.byref(handle)))
        return Context(handle.value, self._device)

    def __deepcopy__(self, memo: object) -> "Context":
        return self.__copy__()  # weights never change, so sharing them shows nowhere


def plan_info(plan: ctypes.c_void_p) -> PlanInfo:
    """What conv2d_plan_describe() says; its strings live as long as the plan."""
    info = PlanInfo(struct_size=ctypes.sizeof(PlanInfo))
    check(lib.conv2d_plan_describe(plan, ctypes.byref(info)))
    return info


def describe_input(context: Context, input_shape: Sequence[SupportsIndex],
                   channels_last: bool) -> Tensor:
    """Description of a contiguous input of a context."""
    sizes = tuple(integer(n, f"input_shape[{i}]") for i, n in enumerate(input_shape))
    described = make_tensor(context._weight.dtype, sizes, (0,) * len(sizes), "input")
    lib.conv2d_tensor_set_order(ctypes.byref(described), int(channels_last))
    return described


class _Plan:
    """A plan of a context for an input's shape, for the length of a with block."""

    def __init__(self, context: Context, input_shape: Sequence[SupportsIndex],
                 channels_last: bool) -> None:
        described = describe_input(context, input_shape, channels_last)
        output, _ = _describe_output(described, context._weight, context._params, channels_last)
        self.handle = ctypes.c_void_p()
        status = lib.conv2d_plan_create(context._handle, ctypes.byref(described), None,
                                        ctypes.byref(output), ctypes.byref(self.handle))
        if status:
            fail(status)

    def __enter__(self) -> ctypes.c_void_p:
        return self.handle

    def __exit__(self, *unused: Any) -> None:
        lib.conv2d_plan_destroy(self.handle)


def _describe(array: Any, name: str, device: Device) -> Tuple[Optional[Tensor], Any]:
    """(conv2d_tensor with its data, what must stay alive) of an array or None. Arrays on a GPU are
    copied from there for a context of it, and refused for others."""
    if array is None:
        return None, None
    kind = _arrays.kind_of(array, name)
    key, address, alive = kind.read(array, name)
    if device.reads_host:
        check_on_host(key, name)
    elif metal_device(key) and kind is TorchKind:
        return _describe(array.detach().cpu(), name, device)
    tensor: Tensor = kind.describe(key, name)
    if metal_device(key):
        return fetch(device, tensor, address, name)
    tensor.data = address
    return tensor, alive


def prepack(weight: Any, bias: Any = None, stride: IntOrPair = 1, padding: Padding = 0,
            dilation: IntOrPair = 1, groups: SupportsIndex = 1, *, padding_mode: str = "zeros",
            activation: Optional[str] = None, device: Any = None,
            accuracy: str = "default") -> Context:
    """Make a Context from weights and options, to be run on many inputs.

    weight, [oc, c / groups, kh, kw], and bias, [oc] or None, are copied. All arguments as in
    conv2d()."""
    params = make_params(stride, padding, dilation, groups, padding_mode, activation, accuracy)
    used = find_device(device)
    weight_tensor, weight_alive = _describe(weight, "weight", used)
    bias_tensor, bias_alive = _describe(bias, "bias", used)
    if weight_tensor is None:
        raise TypeError("weight is None: expected an array")
    handle = ctypes.c_void_p()
    check(lib.conv2d_prepack(used.handle, ctypes.byref(weight_tensor),
                             ctypes.byref(bias_tensor) if bias_tensor else None,
                             ctypes.byref(params), ctypes.byref(handle)))
    return Context(handle.value, used)


def conv2d(input: Any, weight: Any, bias: Any = None, stride: IntOrPair = 1, padding: Padding = 0,
           dilation: IntOrPair = 1, groups: SupportsIndex = 1, *, padding_mode: str = "zeros",
           activation: Optional[str] = None, residual: Any = None, out: Any = None,
           device: Any = None, accuracy: str = "default") -> Any:
    """Convolve once: activation(conv2d(input, weight) + bias + residual), as
    torch.nn.functional.conv2d does (cross-correlation). For many inputs with the same weights
    prepack() is faster.

    Arrays are NumPy arrays, torch tensors on the CPU or objects with __dlpack__, of any strides,
    read-only ones too; none is copied. All have one dtype: float32, float16,
    bfloat16 (both summed in float32 or wider and rounded once) or float64.

    With device="metal" (float32, float16), torch tensors on "mps" and objects whose __dlpack__ is
    of Metal are used in place, but for weight and bias; arrays of the host are copied there and the
    result back. Work that others than torch queued on such a tensor must be done.

    input         [n, c, h, w], or [c, h, w] for one picture.
    weight        [oc, c / groups, kh, kw].
    bias          [oc] or None.
    stride, dilation  in pixels: an int or (y, x).
    padding       in pixels: an int, (y, x), (top, left, bottom, right), "same" or "valid".
    groups        divides the channels of input and output.
    padding_mode  "zeros", "reflect", "replicate" or "circular".
    activation    None or "relu", "relu6", "clamp:MIN,MAX" (one may be missing),
                  "leaky_relu[:SLOPE]", "sigmoid", "tanh", "silu", "hardswish", "hardsigmoid",
                  "gelu", "gelu_tanh", "mish".
    residual      None or an array of the output's shape, added before the activation; may be `out`.
    out           array to write to, or None for a new one: of the input's kind, and channels-last
                  in memory if the input is. Wanted for an input in a GPU's memory that is not
                  torch's.
    device        None, "cpu" or "auto"; or "metal", which torch calls "mps".
    accuracy      "default", "strict", "fast" or "tf32".
    Returns       out or the new array: [n, oc, oh, ow] or [oc, oh, ow].
    Raises        ValueError or TypeError with a sentence that names the argument, its value and
                  what was expected; nothing has been written then."""
    used = find_device(device)
    if not used.reads_host:
        context = prepack(weight, bias, stride, padding, dilation, groups,
                          padding_mode=padding_mode, activation=activation, device=device,
                          accuracy=accuracy)
        return context.run(input, residual=residual, out=out)
    params = make_params(stride, padding, dilation, groups, padding_mode, activation, accuracy)
    kind = _arrays.kind_of(input, "input")
    key, address, alive = kind.read(input, "input")
    check_on_host(key, "input")
    weight_tensor, weight_alive = _describe(weight, "weight", used)
    bias_tensor, bias_alive = _describe(bias, "bias", used)
    residual_tensor, residual_alive = _describe(residual, "residual", used)
    if weight_tensor is None:
        raise TypeError("weight is None: expected an array")
    input_tensor = kind.describe(key, "input")
    input_tensor.data = address
    result = out
    if out is not None:
        _arrays.kind_of(out, "out").check_output(out)
        output, out_alive = _describe(out, "out", used)
    else:
        output, last = _describe_output(input_tensor, weight_tensor, params)
        result, output.data = kind.allocate(key, tuple(output.sizes[:output.rank]), last)
    arguments = (input_tensor, weight_tensor, bias_tensor, residual_tensor, params, output)
    status = lib.conv2d(used.handle, *(ctypes.byref(a) if a else None for a in arguments))
    if status:
        fail(status)
    return result if out is not None else kind.deliver(result, input)
