"""Take the still picture of each explorable in headless Chromium: `make stills`. A page shows it where no script runs."""

import io
import sys
import tempfile
from pathlib import Path

from chromium import FLAGS, MISSING, chromium
from PIL import Image
from playwright.sync_api import sync_playwright

from gentutor import explorables

PAGE = """<!doctype html><html lang="en" data-theme="light"><meta charset="utf-8"><style>{css} body {{ margin: 0; background: #fdfcf9 }}
.gt-explorable {{ margin: 0; border: 0 }}</style><body>{body}<script>{script}</script></body></html>"""


def main():
    if not chromium():
        sys.exit(f"stills: {MISSING}")
    css = (explorables.HERE / "explorable.css").read_text(encoding="utf-8")
    with sync_playwright() as play, tempfile.TemporaryDirectory() as folder:
        browser = play.chromium.launch(executable_path=chromium(), args=FLAGS)
        page = browser.new_page(viewport={"width": 720, "height": 500}, reduced_motion="reduce")
        for module in explorables.CLASSES.values():
            body, script = explorables.by_module(module)().page_html(), explorables.page_script(module)
            path = Path(folder) / f"{module}.html"
            path.write_text(PAGE.format(css=css, body=body, script=script.replace("</", "<\\/")), encoding="utf-8")
            page.goto(path.as_uri())
            page.wait_for_timeout(600)
            page.wait_for_function("() => !document.querySelector('[aria-busy=true]')")
            picture = io.BytesIO(page.locator(".gt-explorable").screenshot())
            still = Image.open(picture).convert("RGB").quantize(64, dither=Image.Dither.NONE)  # a third of the bytes
            still.save(explorables.HERE / "stills" / f"{module}.png", optimize=True)
            print(f"{module}: still taken")
        browser.close()


if __name__ == "__main__":
    main()
