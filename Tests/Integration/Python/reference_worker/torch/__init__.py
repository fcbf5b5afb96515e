"""Stands in for PyTorch, which sie-server imports and a worker without tensors does not use.

It says what PyTorch says on a machine without an accelerator. Whatever else is asked of it is an AttributeError, so a
test that needs more of PyTorch fails instead of passing.
"""

from types import SimpleNamespace

__version__ = "2.9.0"


class dtype:
    """The type of the names below."""


float16, bfloat16, float32 = dtype(), dtype(), dtype()
cuda = SimpleNamespace(is_available=lambda: False)
backends = SimpleNamespace(mps=SimpleNamespace(is_available=lambda: False))
