.DEFAULT_GOAL := help
# The distribution's, built with profiles, runs the tests in four fifths of the time of one that was compiled without;
# not where it is too old or cannot make environments and compile what `make sign-in` adds.
SUITABLE := import ensurepip, os, sys, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h"); sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell /usr/bin/python3 -c '$(SUITABLE)' 2>/dev/null && echo /usr/bin/python3 || echo python3)
VENV ?= .venv
BIN := $(VENV)/bin
MANAGE := $(BIN)/python manage.py
STAMP := $(VENV)/.installed
LOCK := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --quiet --extra postgres
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r
# uv works on all cores and takes half of pip's processor time; pip where only its settings name the index.
INSTALL = $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes --python $(BIN)/python -r $(1) || $(PIP) $(1)
BUILD ?= docker build
# Its wheel is for Linux on x86-64 only; elsewhere styles and scripts are checked by CI.
BIOME := $(if $(filter Linux-x86_64,$(shell uname -s)-$(shell uname -m)),$(BIN)/biome,true)
# What only reads the sources, the templates and the lock: no behaviour of the product.
STRUCTURE := $(addprefix tests/test_,$(addsuffix .py,architecture conventions pages supply_chain templates))
SIGN_IN := --extra oidc --extra ldap --constraint requirements/dev.txt

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.13 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@sed -n '/^uv==/,/[^\\]$$/p' requirements/dev.txt > $(VENV)/uv.txt
	$(PIP) $(VENV)/uv.txt
	$(call INSTALL,requirements/dev.txt)
	@touch $@

.PHONY: install
install: $(STAMP) ## Create the virtual environment from the locked requirements

.PHONY: sign-in
sign-in: $(STAMP) ## Add OpenID Connect and LDAP, which has to be compiled: docs/signing-in.md
	$(call INSTALL,requirements/sign-in.txt)

.PHONY: lock
lock: $(STAMP) ## Recompile the hash-locked requirement files from pyproject.toml
	$(LOCK) --output-file requirements/runtime.txt
	$(LOCK) --extra oidc --group dev --output-file requirements/dev.txt
	$(LOCK) --extra oidc --constraint requirements/dev.txt --output-file requirements/image.txt
	$(LOCK) $(SIGN_IN) --output-file requirements/sign-in.txt

.PHONY: demo
demo: $(STAMP) ## Run the product with an embedded CRM: make demo [PORT=8000]
	@$(MANAGE) demo $(if $(PORT),--port $(PORT))

.PHONY: wheel
wheel: $(STAMP) ## Build dist/ticketadmin-….whl, the whole product; the same sources give the same bytes
	@rm -f dist/*.whl
	@$(BIN)/uv build --quiet --wheel --out-dir dist
	@ls dist/*.whl

.PHONY: image
image: wheel ## Build the container image ticketadmin: make image [BASE=…] [BUILD="podman build"]
	@mkdir -p dist/wheels
	$(BUILD) $(if $(BASE),--build-arg BASE=$(BASE)) -f deploy/Containerfile -t ticketadmin .

.PHONY: image-test
image-test: $(STAMP) ## Build the image without a registry and use it (as root; needs buildah and mmdebstrap)
	@REQUIRE_CONTAINERS=1 $(BIN)/pytest -q -n0 tests/e2e/test_image.py

.PHONY: test
test: $(STAMP) ## Run the tests that this machine has the tools for, except the slow ones and those of make check [PYTEST=…]
	@$(BIN)/pytest -q -n auto -m "not slow" $(addprefix --ignore ,$(STRUCTURE)) $(PYTEST)

.PHONY: test-slow
test-slow: $(STAMP) ## Run the tests that install the product, kill it many times or work it for long [PYTEST=…]
	@$(BIN)/pytest -q -n auto -m slow $(PYTEST)

.PHONY: fuzz
fuzz: $(STAMP) ## Try the properties with thousands of random examples; make test has the same ones in every run
	@$(BIN)/pytest -q -n auto -m hypothesis --hypothesis-profile=fuzz $(PYTEST)

.PHONY: check
check: check-types check-code ## Lint and formats of code, templates, styles and scripts; types; dead code; migrations; structure: no behaviour is tested

.PHONY: check-types
check-types: $(STAMP) ## The types alone, which take as long as the rest: make -j2 check runs both in parallel
	@$(BIN)/mypy

.PHONY: check-code
check-code: $(STAMP) ## Everything that make check does except the types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/djangofmt --quiet --check templates
	@$(BIN)/djangofmt check --quiet templates
	@$(BIOME) ci static
	@$(BIN)/python .ci/dead_code.py
	@$(MANAGE) makemigrations --check --dry-run --settings tests.settings # it makes Django's system checks, too
	@$(BIN)/pytest -q -n0 $(STRUCTURE)

.PHONY: format
format: $(STAMP) ## Format code, templates, styles and scripts
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/djangofmt check --quiet --fix templates
	@$(BIN)/djangofmt --quiet templates
	@$(BIOME) check --write static

benchmarks/.venv/.installed: benchmarks/helpdesk/requirements.txt
	@$(PYTHON) -m venv benchmarks/.venv
	@benchmarks/.venv/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.PHONY: bench
bench: $(STAMP) benchmarks/.venv/.installed ## Measure pages, saves, cleaning and history beside a peer, in one run
	@$(BIN)/python -W ignore -m benchmarks $(ONLY)

.PHONY: load
load: $(STAMP) ## Fifty people for three minutes through gunicorn and nginx, each save checked
	@$(BIN)/python -W ignore -m benchmarks load

.PHONY: audit
audit: $(STAMP) ## Look for known vulnerabilities of the locked packages (needs a package index)
	@$(BIN)/python .ci/packages.py audit

.PHONY: licences
licences: $(STAMP) ## List the licences of the packages that run
	@$(BIN)/python .ci/packages.py licences

.PHONY: sbom
sbom: $(STAMP) ## Write sbom.json, a CycloneDX list of the packages that run
	@$(BIN)/python .ci/packages.py sbom > sbom.json
	@echo "sbom.json"

.PHONY: screenshots
screenshots: $(STAMP) ## Take the README's pictures again from the current product
	@$(BIN)/python -m tests.screenshots

.PHONY: messages
messages: $(STAMP) ## Collect strings for translation (needs gettext) and compile the catalogues
	@DATABASE_URL=sqlite://:memory: $(MANAGE) makemessages --locale vi --settings tests.settings --no-location --no-obsolete \
		--ignore $(VENV) --ignore tests --ignore benchmarks --ignore data --ignore staticfiles
	@$(BIN)/pybabel -q compile --domain django --directory locale
	@$(BIN)/pybabel -q compile --domain django --directory locale/django
