"""Builds the extension: `python setup.py build_ext --inplace`."""

from __future__ import annotations

from setuptools import Extension, setup

setup(ext_modules=[Extension("rle", ["rle.c"], extra_compile_args=["-g"])])
