"""What is compiled for the processor: two loops that NumPy and PyTorch have no fast form of.

Numba compiles them at their first call and keeps the result on disk. Arrays come in as their docstrings say, bfloat16
as uint16 of its bits; they are checked where they are called from. `no_type_check` keeps checkers of shapes away, whose
wrappers Numba could not read.
"""
