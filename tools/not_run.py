"""Say plainly, as the last words of `make test`, what this machine could not run."""

from chromium import chromium

if chromium() is None:
    print("NOT RUN: every test in a browser (site, explorables, accessibility), because no Chromium was found.")
    print("Install Chromium, or point the variable CHROMIUM at it, and run `make test` again.")
