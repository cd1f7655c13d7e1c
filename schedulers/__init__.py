"""The samplers as a scheduler of diffusers: pipe.scheduler = SEEDSScheduler.from_config(pipe.scheduler.config).

The folder has not the library's name: hosts put this package's own folder on Python's path, where it would hide it.
"""

try:
    import diffusers  # noqa: F401
except ImportError as error:
    raise ImportError("seeds_samplers.schedulers needs diffusers: pip install diffusers") from error

from .scheduler import SEEDSScheduler, SEEDSSchedulerOutput

__all__ = ["SEEDSScheduler", "SEEDSSchedulerOutput"]
