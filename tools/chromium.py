"""The system's Chromium, for the tests and the still pictures."""

import os
import shutil

NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]
MISSING = f"no Chromium here: none of {', '.join(NAMES)} is on the path, and CHROMIUM is not set"


def chromium():
    """Its path, the variable CHROMIUM before all, or None."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
