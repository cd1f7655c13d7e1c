"""The web UI in headless Chromium, for the tests and the picture in the README."""

from contextlib import contextmanager

from browser import ARGUMENTS, CHROMIUM


@contextmanager
def page_of(server, width=1400, height=1250):
    """The page with the tab txt2img; `page.errors` gathers what JavaScript throws."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS.split())
        page = browser.new_page(viewport={"width": width, "height": height})
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        load(page, server)
        yield page
        browser.close()


def load(page, server):
    page.goto(server.url, wait_until="commit")  # the rest of its resources may be on the internet
    wait_until_shown(page)


def reload_ui(page):
    """Click Reload UI; the page loads itself again as soon as the server answers, so nobody else may."""
    page.locator("a", has_text="Reload UI").last.click()
    page.wait_for_selector("#txt2img_sampling input", state="detached", timeout=60_000)
    wait_until_shown(page)


def wait_until_shown(page):
    page.wait_for_selector("#txt2img_sampling input", timeout=60_000)
    page.wait_for_timeout(2000)


def choose(page, element, text):
    """Choose an entry of a dropdown by mouse."""
    page.click(f"#{element} input")
    page.locator(f"#{element} li", has_text=text).first.click()


def number(page, element, value):
    """Type a value into a slider's box."""
    box = page.locator(f"#{element} input[type=number]").first
    box.fill(str(value))
    box.blur()


def value(page, element):
    return page.locator(f"#{element} input").first.input_value()


def open_accordion(page, tab="txt2img"):
    page.locator(f"#script_{tab}_seeds_accordion .label-wrap").first.click()
    page.wait_for_timeout(500)


def picture(page, tab="txt2img"):
    """The address of the image that is shown, or None."""
    image = page.locator(f"#{tab}_gallery img")
    return image.first.get_attribute("src") if image.count() else None


def generate(page, tab="txt2img", seconds=60):
    """Press Generate and wait for another image; the infotext that is shown below it."""
    before = picture(page, tab)
    page.click(f"#{tab}_generate")
    page.wait_for_function(
        "([one, before]) => { const image = document.querySelector(one); return image && image.src != before; }",
        arg=[f"#{tab}_gallery img", before],
        timeout=seconds * 1000,
    )
    page.wait_for_timeout(1000)
    return page.locator(f"#html_info_{tab}.prose").inner_text()
