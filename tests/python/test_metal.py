# SPDX-License-Identifier: BSD-2-Clause
"""device="metal" for tensors that lie in the GPU's memory: used in place, mixed with host arrays,
refused, let go of; by one thread and by several, and by torch."""
import importlib.util
import unittest

import software_metal


class InPlace(software_metal.Case):
    start = """
    import ctypes, threading
    from collections import Counter
    from conv2d import _staging
    from software_metal import Buffer, MetalTensor, place
    software = ctypes.CDLL(os.environ["CONV2D_METAL_LIBRARY"])
    software.software_metal_live_objects.restype = ctypes.c_long
    calls = Counter()
    def count(name):
        function = getattr(_staging.lib, name)
        def counted(*arguments):
            calls[name] += 1
            return function(*arguments)
        setattr(_staging.lib, name, counted)
    for name in ("conv2d_copy_to_device", "conv2d_copy_to_host", "conv2d_buffer_create",
                 "conv2d_buffer_import"):
        count(name)
    def refused(exception, words, function, *arguments, **named):
        try:
            function(*arguments, **named)
        except exception as error:
            assert words in str(error), error
            return
        assert False, words
    zeros = np.zeros(expected.shape, "f4")
    """

    def test_nothing_is_copied(self):
        self.run_code("""
    residual = integers(rng, expected.shape)
    real = rng.standard_normal(x.shape).astype("f4")
    for source in (x, real):
        for layout in ("nchw", "nhwc", "gaps"):
            input, out = place(source, layout, 64), place(zeros, layout, 16)
            add = place(residual, "gaps", 8)
            staged = layer.run(input.array, residual=add.array)
            calls.clear()
            before, expected_memory = input.buffer.memory.copy(), out.buffer.memory.copy()
            for _ in range(2):
                assert layer.run(input, residual=add, out=out) is out
            assert calls == {"conv2d_buffer_import": 6}, calls
            assert (input.buffer.memory == before).all()
            if layout != "gaps":
                equal(out.array, staged)  # bit for bit: the same kernel in the same layout
            exact = convolve(source, w, b, (2, 1), (1, 0, 2, 1), (1, 1), 2) + residual
            assert abs(out.array - exact).max() <= (1e-4 if source is real else 0)
            out.array[...] = 0  # and nothing beside the output's elements was written
            assert (out.buffer.memory == expected_memory).all()
    out.array[...] = residual
    layer.run(place(x), residual=out, out=out)
    equal(out.array, expected + residual)
    out = place(zeros[0])
    equal(layer.run(place(x[1]), out=out).array, expected[1])
    out = place(zeros[:0])
    assert layer.run(MetalTensor(x[:0], Buffer(4), data=0, byte_offset=0), out=out) is out
    """)

    def test_beside_host_arrays(self):
        self.run_code("""
    for layout in ("nchw", "nhwc", "gaps"):
        input, out, host = place(x, layout, 32), place(zeros, layout, 4), zeros + 7
        equal(layer.run(x, out=out).array)
        assert layer.run(input, out=host) is host
        equal(host)
        equal(layer.run(input, residual=host, out=out).array, 2 * expected)
        equal(layer.run(x, residual=out, out=host), 3 * expected)
        for device in ("metal", "mps"):
            equal(conv2d.conv2d(input, place(w, layout, 8), place(b, offset=4), device=device,
                                out=out, **options).array)
        equal(conv2d.prepack(place(w, layout), b, device="metal", **options)(x))
    half = [a.astype("f2") for a in (x, w, b, zeros)]
    out = place(half[3], offset=2)
    conv2d.conv2d(place(half[0], offset=6), half[1], place(half[2]), device="metal", out=out,
                  **options)
    equal(out.array, expected.astype("f2"))
    """)

    def test_refusals(self):
        self.run_code("""
    input, out = place(x), place(zeros + 7)
    on_cpu = conv2d.prepack(w, b, **options)
    where = 'is on DLPack device 8 (Metal): expected memory of the CPU, or device="metal"'
    for name, arrays in (("input", dict(input=input)), ("residual", dict(residual=out)),
                         ("out", dict(out=out))):
        refused(ValueError, f"{name} {where}", on_cpu.run, **{"input": x, **arrays})
        refused(ValueError, f"{name} {where}", conv2d.conv2d, weight=w, **options,
                **{"input": x, **arrays})
    refused(ValueError, f"weight {where}", conv2d.prepack, place(w), groups=2)
    refused(ValueError, f"weight {where}", conv2d.conv2d, x, place(w), groups=2)
    refused(ValueError, f"bias {where}", conv2d.conv2d, x, w, place(b), groups=2)
    for call in (layer, lambda x: conv2d.conv2d(x, w, device="metal", **options)):
        refused(ValueError, "out is None, and input is on DLPack device 8 (Metal)", call, input)
    class Cuda(MetalTensor):
        device = 2
    refused(ValueError, "input is on DLPack device 2 (CUDA): expected 1", layer.run,
            Cuda(x, input.buffer), out=out)
    refused(ValueError, "input is on DLPack device 2 (CUDA): expected 1", layer.run,
            MetalTensor(x, input.buffer, device_type=2, byte_offset=0), out=out)
    class ReadOnly(MetalTensor):
        options = {"major": 1, "flags": 1}
    refused(ValueError, "out is read-only", layer.run, input,
            out=ReadOnly(out.array, out.buffer))
    equal(layer(ReadOnly(input.array, input.buffer), out=zeros.copy()))
    def moved(tensor, by):
        return MetalTensor(tensor.array, tensor.buffer, byte_offset=by)
    outside = "reaches outside its buffer"
    refused(ValueError, f"input {outside}", layer.run, moved(input, 16), out=out)
    refused(ValueError, f"output {outside}", layer.run, input, out=moved(out, 2 ** 63))
    refused(ValueError, "input.byte_offset is 2", layer.run, moved(input, 2), out=out)
    refused(ValueError, "weight: device " + outside, conv2d.prepack, moved(place(w), 16),
            device="metal")
    refused(ValueError, f"input {outside} of 0 bytes", layer.run,
            MetalTensor(x, input.buffer, data=0, byte_offset=0), out=out)
    shared = Buffer(4 * (x.size + zeros.size))
    lie = [shared.memory[4 * first:4 * (first + like.size)].view("f4").reshape(like.shape)
           for first, like in ((0, x), (x.size - 1, zeros))]
    refused(ValueError, "output overlaps input", layer.run, MetalTensor(lie[0], shared),
            out=MetalTensor(lie[1], shared))
    refused(ValueError, "residual", layer.run, input, residual=place(zeros[:, :5]), out=out)
    refused(ValueError, "output", layer.run, input, out=place(zeros[:, :5]))
    refused(ValueError, "weight has rank 2", conv2d.prepack, place(w[0, 0]), device="metal")
    refused(TypeError, "int64", layer.run, place(x.astype("i8")), out=out)
    original = _staging.lib.conv2d_buffer_import  # the sentence of an import that C refuses
    _staging.lib.conv2d_buffer_import = lambda device, native, out: original(device, None, out)
    refused(ValueError, "input: native is NULL", layer.run, input, out=zeros.copy())
    refused(ValueError, "out: native is NULL", layer.run, x, out=out)
    refused(ValueError, "weight: native is NULL", conv2d.prepack, place(w), device="metal")
    _staging.lib.conv2d_buffer_import = original
    assert (out.array == 7).all()
    equal(layer.run(input, out=out).array)
    """)

    def test_failures_of_the_gpu(self):
        self.run_code("""
    input, out = place(x), place(zeros)
    software.software_metal_fail.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_long]
    for _ in range(2):
        software.software_metal_fail(b"command", 1, 3)
        refused(RuntimeError, "queued work failed", layer.run, input, out=out)
        equal(layer(x))  # reported once
        equal(layer.run(input, out=out).array)
    """)

    def test_lifetime(self):
        self.run_code("""
    software.software_metal_delay.argtypes = [ctypes.c_long]
    software.software_metal_delay(20000)
    destructor_type = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)
    owned = {}
    destructor = destructor_type(lambda capsule: owned.pop(capsule) and None)
    class Last(MetalTensor):
        '''Its buffer is the capsule's, and goes with it.'''
        def capsule(self):
            made = super().capsule()
            set_destructor = ctypes.pythonapi.PyCapsule_SetDestructor
            set_destructor(ctypes.py_object(made), destructor)
            owned[id(made)] = self.__dict__.pop("buffer")
            return made
    out = place(zeros)
    def run():
        layer.run(place(x, kind=Last), out=out)
        equal(out.array)
        conv2d.conv2d(place(x, kind=Last), place(w, kind=Last), place(b, kind=Last), **options,
                      residual=place(expected.astype("f4"), kind=Last), out=out, device="metal")
        equal(out.array, 2 * expected)
    run()
    assert not owned and not _staging._imports
    gc.collect()
    alive = software.software_metal_live_objects()
    run()
    gc.collect()
    assert software.software_metal_live_objects() == alive, "imports are held"
    destroy, found = _staging.lib.conv2d_buffer_destroy, []
    def let_go(buffer):  # no thread may find it from here on
        found.append(sum(held.buffer is buffer for held in _staging._imports.values()))
        destroy(buffer)
    _staging.lib.conv2d_buffer_destroy = let_go
    layer.run(place(x), out=out)
    assert found == [0, 0], found
    _staging.lib.conv2d_buffer_destroy = destroy
    """)

    def test_threads(self):
        self.run_code("""
    input, failed = place(x, "nhwc", 8), []
    sys.setswitchinterval(1e-6)
    def work(number):
        try:
            mine, host = place(x + number, offset=4 * number), np.empty_like(zeros)
            wanted = convolve(x + number, w, b, (2, 1), (1, 0, 2, 1), (1, 1), 2)
            for _ in range(25):
                out = place(zeros)
                equal(layer.run(input, out=out).array)
                equal(layer.run(mine, out=out).array, wanted)
                equal(layer.run(input, out=host))
                layer.run(mine, residual=host, out=out)
                del mine
                equal(out.array, wanted + expected)
                mine = place(x + number, "gaps")
        except BaseException as error:
            failed.append(error)
    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed
    assert not _staging._imports
    """)

    @unittest.skipUnless(importlib.util.find_spec("torch"), "torch is absent")
    def test_torch(self):
        self.run_code("""
    import torch, types
    natives, real_empty = {}, torch.empty
    class Mps(torch.Tensor):
        '''A tensor that says it is on "mps", over a buffer of software Metal.'''
        is_cpu, is_mps = False, True
        device = torch.device("mps:0")
        def untyped_storage(self):
            address = super().untyped_storage().data_ptr()
            return types.SimpleNamespace(data_ptr=lambda: natives[address].native)
        def data_ptr(self):
            raise AssertionError("no id<MTLBuffer>")
        def cpu(self):
            return self.as_subclass(torch.Tensor).clone()
    def empty(sizes, *, dtype, device):
        if device == "cpu":
            return real_empty(sizes, dtype=dtype)
        assert device == "mps:0"
        shape = real_empty(sizes, dtype=dtype)
        buffer = Buffer(shape.numel() * shape.element_size() or 1)
        natives[buffer.address] = buffer
        made = torch.from_numpy(buffer.memory).view(dtype)[:shape.numel()].view(shape.shape)
        return made.as_subclass(Mps)
    def mps(values):
        made = empty(values.shape, dtype=torch.float32, device="mps:0")
        made.as_subclass(torch.Tensor).copy_(torch.from_numpy(values))
        return made
    def host(tensor):
        assert type(tensor) is Mps
        return tensor.cpu().numpy()
    torch.empty, synchronized = empty, []
    torch.mps.synchronize = lambda: synchronized.append(1)
    input = mps(x)
    for source in (input, mps(x.transpose(0, 2, 3, 1).copy()).permute(0, 3, 1, 2),
                   mps(np.pad(x, ((1, 0), (0, 0), (2, 1), (0, 3))))[1:, :, 2:-1, :-3]):
        calls.clear()
        synchronized.clear()
        y = layer(source)
        equal(host(y))
        assert calls == {"conv2d_buffer_import": 2} and len(synchronized) == 1, calls
        assert (y.stride(1) == 1) == (source.stride(1) == 1)
    out = mps(np.zeros((3, *expected.shape), "f4"))[1]
    assert layer.run(input, residual=y, out=out) is out
    equal(host(out), 2 * expected)
    equal(host(layer.run(x, out=out)))
    equal(host(conv2d.conv2d(input, mps(w), mps(b), device=input.device, **options)))
    equal(layer(torch.from_numpy(x)).numpy())
    equal(layer(x))
    words = 'input is on mps:0: expected memory of the CPU, or device="metal"'
    refused(ValueError, words, conv2d.conv2d, input, w, **options)
    refused(ValueError, words, conv2d.prepack(w, **options), input)
    refused(ValueError, "input is on meta: expected a tensor on the CPU or mps", layer,
            torch.from_numpy(x).to("meta"))
    refused(ValueError, "input requires grad", layer, mps(x).requires_grad_())
    del input, source, out, y
    natives.clear()
    """)


if __name__ == "__main__":
    unittest.main()
