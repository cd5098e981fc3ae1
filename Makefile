# book, serve: read it.  test, unit: check it.  notebooks, stills: remake what is stored.  repository: say where it lives.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# What the site needs, and no more; the versions are those of requirements.txt.
SITE = jupyter-book sphinx-proof sphinx-exercise sphinx-mathjax-offline anywidget numpy pillow
PORT ?= 8000
# Two threads that wait for each other lose everything to a busy neighbour, and the models here are small.
export OMP_NUM_THREADS ?= 1

.PHONY: book site serve test unit notebooks stills repository clean

$(VENV)/site.done: requirements.txt
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 10), f"expected Python 3.10 or newer, got {sys.version.split()[0]}"'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.txt $(SITE)
	touch $@

$(VENV)/all.done: $(VENV)/site.done pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

site: $(VENV)/site.done
	rm -rf _build
	$(BIN)/jupyter-book build . -W --keep-going --quiet

book: site
	@echo
	@echo "The book is at _build/html/index.html; open that file, or run 'make serve' and visit http://localhost:$(PORT)."

serve:
	@test -f _build/html/index.html || $(MAKE) book
	@echo "The book is at http://localhost:$(PORT); Ctrl-C ends."
	@$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

unit: $(VENV)/all.done
	$(BIN)/python -m pytest -m "not browser and not slow"

test: $(VENV)/all.done site
	$(BIN)/python -m pytest -rs
	$(BIN)/python -m pytest --nbval --nbval-sanitize-with tests/nbval.cfg --nbval-cell-timeout 600 notebooks
	@$(BIN)/python tools/not_run.py

notebooks: $(VENV)/all.done
	$(BIN)/python tools/run_labs.py

stills: $(VENV)/all.done
	$(BIN)/python tools/stills.py

repository: $(VENV)/all.done
	$(BIN)/python tools/set_repository.py "$(URL)"

clean:
	rm -rf _build
