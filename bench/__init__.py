"""Benchmarks: how long things take and how much memory they hold, on this machine.

`make bench` runs all of them and writes docs/benchmarks.md. Each module `bench.measure_*` is a script of its own that
prints one JSON line a figure on stdout (`bench.figures.Figure`) and what it is doing on stderr. Nothing here runs in
tests: figures depend on the machine and on what else it does.
"""
