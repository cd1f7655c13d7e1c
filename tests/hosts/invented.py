"""Packages that are not there: everything can be imported from them, and nothing of it does anything."""

import importlib.abc
import importlib.machinery
import types


class _Anything(type):
    """A class that has every attribute, each a class like it."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return _Anything(name, (_Invented,), {})

    def __getitem__(cls, _):
        return cls

    def __setitem__(cls, *_):
        pass

    def __iter__(cls):
        return iter(())


class _Invented(metaclass=_Anything):
    def __init__(self, *_, **__):
        pass

    def __call__(self, *_, **__):
        return self

    def __iter__(self):
        return iter(())

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return _Invented()


class Inventor(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds every module of some packages; whatever is asked of one is a class."""

    def __init__(self, packages):
        self.packages = packages

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.packages:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        module = types.ModuleType(spec.name)
        module.__path__ = []
        module.__getattr__ = lambda name: getattr(_Invented, name)
        return module

    def exec_module(self, module):
        pass
