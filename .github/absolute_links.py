"""Makes the README's links and pictures absolute, for the package index: absolute_links.py ADDRESS TAG

ADDRESS is the repository's, as https://github.com/OWNER/NAME. Changes README.md in the working folder.
"""

import re
import sys
from pathlib import Path

LINK = re.compile(r"(\]\(|<img src=\")(?!https?:|#)([^)\"]+)")
PICTURES = (".png", ".jpg", ".svg")


def absolute(text, address, tag):
    """The text with each relative link as the address of that file at that tag."""

    def replaced(found):
        kind = "raw" if found[2].endswith(PICTURES) else "blob"
        return f"{found[1]}{address}/{kind}/{tag}/{found[2]}"

    return LINK.sub(replaced, text)


if __name__ == "__main__":
    readme = Path("README.md")
    readme.write_text(absolute(readme.read_text(encoding="utf-8"), *sys.argv[1:]), encoding="utf-8")
