"""Run by ComfyUI-Manager and the web UI after they clone this repository: installs what is missing, and only that.

torch is never touched: the host brings its own, and another one would break it.
"""

import importlib.util
import subprocess
import sys

PACKAGES = {"numpy": "numpy>=1.25", "safetensors": "safetensors>=0.4.2", "einops": "einops>=0.4.1", "tqdm": "tqdm"}


def missing():
    """The requirements whose module cannot be found."""
    return [requirement for module, requirement in PACKAGES.items() if importlib.util.find_spec(module) is None]


def main():
    if importlib.util.find_spec("torch") is None:
        print("seeds-samplers: torch is missing; it comes with ComfyUI or the web UI, in whose environment this runs")
    if requirements := missing():
        print(f"seeds-samplers: installing {' '.join(requirements)}")
        subprocess.check_call([sys.executable, "-m", "pip", "install", "--no-deps", *requirements])


if __name__ == "__main__":
    main()
