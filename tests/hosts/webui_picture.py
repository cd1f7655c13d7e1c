"""Makes the picture of the web UI in the README: python tests/hosts/webui_picture.py

Needs what test_webui_browser.py needs. Writes docs/webui.png.
"""

import sys
import tempfile

from automatic1111 import Server
from PIL import Image
from server import REPOSITORY
from webui_page import choose, generate, number, open_accordion, page_of


def main():
    path = REPOSITORY / "docs" / "webui.png"
    with Server(tempfile.mkdtemp()) as server, page_of(server, 1400, 1500) as page:
        for name, amount in (("width", 256), ("height", 256), ("cfg_scale", 2), ("steps", 20), ("batch_size", 4)):
            number(page, f"txt2img_{name}", amount)
        page.fill("#txt2img_seed input", "4")
        page.fill("#txt2img_prompt textarea", "S")
        choose(page, "txt2img_sampling", "SEEDS-2")
        open_accordion(page)
        text = generate(page)
        if "Sampler: SEEDS-2" not in text:
            sys.exit(f"the infotext is {text!r}")
        page.mouse.move(0, 0)
        page.wait_for_timeout(1500)
        page.screenshot(path=path, clip={"x": 0, "y": 88, "width": 1400, "height": 1370})
    image = Image.open(path).convert("RGB")
    image.quantize(128).save(path, optimize=True)


if __name__ == "__main__":
    main()
