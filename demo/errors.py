"""What went wrong, in one line."""

import traceback
from pathlib import Path

LONGEST = 400


def text_of(error):
    """An error's own text, in one line of bounded length, whatever the error does when it is asked for it."""
    try:
        text = " ".join(str(error).split())
    except KeyboardInterrupt:
        raise
    except BaseException:  # SystemExit too
        text = "its text cannot be had"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def reason_of(error):
    """An error's kind, its text and the place that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f", {Path(frames[-1].filename).name} line {frames[-1].lineno}" if frames else ""
    if place.startswith(", <"):  # code without a file
        place = ""
    text = text_of(error)
    return f"{type(error).__name__}: {text}{place}" if text else f"{type(error).__name__}{place}"


def line_of(error):
    """The line for whoever gave the command: our own errors say what to do, of others the kind is told too."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"needs {error.name.split('.')[0]}; pip install 'seeds-samplers[demo]'"
    if isinstance(error, (ValueError, OSError)) and text_of(error):
        return text_of(error)
    return reason_of(error)
