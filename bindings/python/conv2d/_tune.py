# SPDX-License-Identifier: BSD-2-Clause
"""tune() and wisdom: measured choices of algorithms, kept by a device and as text."""
from __future__ import annotations

import ctypes
from typing import Any, Callable, Dict, List, Optional

from ._device import Device, find_device
from ._library import PROGRESS, CandidateInfo, Problem, TuneOptions, check, encode, lib, read_text

Progress = Callable[[int, int, str], object]


def tune(problem: str, *, seconds: float = 0.5, progress: Optional[Progress] = None,
         device: Any = None) -> List[Dict[str, Any]]:
    """Measure every algorithm that can do a problem on this machine; the fastest becomes wisdom of
    the device, and plans made later for this problem use it. (A context's plans of earlier runs
    stay; Context.release_resources() drops them.)

    problem   one line of problem text, as Context.problem() gives it.
    seconds   about how long to measure.
    progress  None or a function, called with (done, total, name of the candidate); what it raises
              ends the tuning and leaves wisdom as it was.
    device    as in conv2d().
    Returns   the candidates, each a dict with algorithm, variant, isa, chosen (bool), refusal (why
              it cannot do the problem, "" if it can), cost_seconds (the model's) and
              measured_seconds (0 if not measured).
    Raises    ValueError for a text that is no problem."""
    if not isinstance(problem, str):
        raise TypeError(f"problem is of type {type(problem).__name__}: expected a line of text")
    if not seconds > 0:
        raise ValueError(f"seconds is {seconds}: expected more than 0")
    parsed = Problem(struct_size=ctypes.sizeof(Problem))
    check(lib.conv2d_problem_parse(encode(problem, "problem"), ctypes.byref(parsed)))
    raised: List[BaseException] = []
    cancel, plan = ctypes.c_void_p(), ctypes.c_void_p()
    check(lib.conv2d_cancel_create(ctypes.byref(cancel)))

    def report(user: Any, done: int, total: int, text: bytes) -> None:
        try:
            if progress is not None and not raised:
                progress(done, total, text.decode("utf-8", "replace"))
        except BaseException as error:  # KeyboardInterrupt too: a callback cannot pass it on
            raised.append(error)
            lib.conv2d_cancel_trigger(cancel)

    options = TuneOptions(struct_size=ctypes.sizeof(TuneOptions), seconds=float(seconds),
                          progress=PROGRESS(report), cancel=cancel)
    try:
        status = lib.conv2d_tune(find_device(device).handle, ctypes.byref(parsed),
                                 ctypes.byref(options), ctypes.byref(plan))
        if raised:
            raise raised[0]
        check(status)
        return _candidates(plan)
    finally:
        lib.conv2d_plan_destroy(plan)
        lib.conv2d_cancel_destroy(cancel)


def _candidates(plan: ctypes.c_void_p) -> List[Dict[str, Any]]:
    info = CandidateInfo(struct_size=ctypes.sizeof(CandidateInfo))
    found: List[Dict[str, Any]] = []
    while lib.conv2d_plan_candidate(plan, len(found), ctypes.byref(info)) == 0:
        words = {key: getattr(info, key).decode("utf-8", "replace")
                 for key in ("algorithm", "variant", "isa", "refusal")}
        found.append({**words, "chosen": bool(info.chosen), "cost_seconds": info.cost_seconds,
                      "measured_seconds": info.measured_seconds})
    return found


def _handle(device: Any) -> ctypes.c_void_p:
    found: Device = find_device(device)
    return found.handle


def export_wisdom(device: Any = None) -> str:
    """What tune() and import_wisdom() taught the device (as in conv2d()), as text: for the same
    kind of machine and the same version of the library."""
    return read_text(lib.conv2d_wisdom_export, _handle(device))


def import_wisdom(text: str, device: Any = None) -> None:
    """Add the wisdom in a text of export_wisdom() to that of the device (as in conv2d()): all of
    it, or nothing and ValueError with the line's number."""
    if not isinstance(text, str):
        raise TypeError(f"text is of type {type(text).__name__}: expected str")
    data = text.encode()
    check(lib.conv2d_wisdom_import(_handle(device), data, len(data)))


def forget_wisdom(device: Any = None) -> None:
    """Empty the wisdom of the device (as in conv2d())."""
    lib.conv2d_wisdom_forget(_handle(device))
