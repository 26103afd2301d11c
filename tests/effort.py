"""How much work a call is, and how much something holds, by measures that are the same on every
machine."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from types import BuiltinFunctionType, FrameType, FunctionType, ModuleType
from typing import Any, Final

_CODE: Final = (type, ModuleType, FunctionType, BuiltinFunctionType)


def effort(call: Callable[[], object]) -> int:
    """How many instructions of Python the call executes in this thread."""
    count = 0

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def held(root: object) -> int:
    """How many objects it keeps alive, code aside: what is equal in state has equal numbers."""
    seen, left = {id(root)}, [root]
    while left:
        for each in gc.get_referents(left.pop()):
            if id(each) not in seen and not isinstance(each, _CODE):
                seen.add(id(each))
                left.append(each)
    return len(seen)
