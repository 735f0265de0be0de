# Every target makes its own environment: .venv, from the hashed lock, with python3's venv and pip alone.

PYTHON ?= python3
LOCK   := $(firstword $(shell cksum requirements.txt))
READY  := .venv/.ready-$(LOCK)
PY     := .venv/bin/python

# The settings of the gate, by their names on the command line.
SETTINGS := TARGET BUILD_ID LEVEL RULE FAULT SEED DRY_RUN WAIVERS REQUIRE \
	MAX_BUILDS MAX_REQUESTS RATE DEADLINE DOCKERFILE HEADERS CA_BUNDLE PROXY
OPTIONS  := PYTHON PORT SCENARIO DEST WITH_TESTS FORCE INPUTS HAR FAULTS UPSTREAM ACCEPTED WRITE $(SETTINGS)

# A misspelt setting must not pass for a default.
UNKNOWN := $(filter-out $(OPTIONS),$(foreach o,$(subst \ ,_,$(MAKEOVERRIDES)),$(firstword $(subst =, ,$(o)))))
ifneq ($(UNKNOWN),)
$(error problem: unknown setting $(UNKNOWN).  fix: use one of $(OPTIONS))
endif

# TARGET=url on the command line becomes CONTRACT_TARGET in the environment, and so on.
EXPORTS := $(foreach s,$(SETTINGS),$(if $($(s)),CONTRACT_$(s)='$($(s))'))

.DEFAULT_GOAL := help
.PHONY: help gate judge compare serve generate check changes vendor vendor-check test faults fuzz mutate bench lint lock

help: ## Show every target, one line each.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

gate: $(READY) ## Judge client and server. [TARGET=url] [DRY_RUN=1] [LEVEL=must] [RULE=T5] [FAULT=name] …
	@env $(EXPORTS) $(PY) -m pytest -q --no-header contract_tests/test_client.py contract_tests/test_server.py --junitxml=reports/junit.xml

judge: $(READY) ## Judge recorded traffic. HAR=file [LEVEL=must] [RULE=T5]
	@$(PY) -m contract_tests.judge '$(HAR)' $(if $(LEVEL),--level '$(LEVEL)') $(if $(RULE),--rule '$(RULE)')

compare: $(READY) ## Tell how a published document differs, and whom that breaks. UPSTREAM=file-or-url [ACCEPTED=file]
	@$(PY) scripts/compare.py '$(UPSTREAM)' $(if $(ACCEPTED),--accepted '$(ACCEPTED)')

serve: $(READY) ## Run the reference server on 127.0.0.1. [PORT=8000] [SCENARIO=name] [FAULT=name]
	@env $(EXPORTS) $(PY) -m contract_tests.reference $(if $(PORT),--port '$(PORT)') $(if $(SCENARIO),--scenario '$(SCENARIO)')

generate: $(READY) ## Write the client from openapi.yaml.
	@$(PY) scripts/generate.py write

check: $(READY) ## Say whether the client is fresh, and write nothing.
	@$(PY) scripts/generate.py check

changes: $(READY) ## Weigh what changed since the last release; hold changelog and version to it. [WRITE=1]
	@$(PY) scripts/changes.py $(if $(WRITE),--write)

# Make puts DEST into the environment: there, quotes and blanks in it are nothing special.
vendor: $(READY) ## Copy the client into a project. DEST=dir [WITH_TESTS=1] [FORCE=1]
	@$(PY) scripts/vendor.py copy $(if $(WITH_TESTS),--with-tests) $(if $(FORCE),--force) -- "$$DEST"

vendor-check: $(READY) ## Tell whether a vendored copy is edited, broken or outdated. DEST=dir
	@$(PY) scripts/vendor.py check -- "$$DEST"

test: $(READY) lint check ## Judge the project itself: lint, types, freshness, self-check.
	@$(PY) -m pytest -q --no-header -n auto

faults: $(READY) ## Break the embedded server in each known way, and write what the gate catches: docs/faults.md. [FAULTS=name,name]
	@$(PY) -m contract_tests.selftest.detection --write $(if $(FAULTS),--faults '$(FAULTS)')

fuzz: $(READY) ## Throw a million bodies at the client's decoders. [INPUTS=n] [SEED=n]
	@PYTHONPATH=generated $(PY) -m contract_tests.selftest.soundness $(if $(INPUTS),--inputs '$(INPUTS)') $(if $(SEED),--seed '$(SEED)')

mutate: $(READY) ## Break the client in a thousand ways, and tell what no test notices.
	@$(PY) scripts/mutate.py

bench: $(READY) ## Hold the gate against a stock schemathesis run. [FAULTS=all|n|name,name]
	@$(PY) -m scripts.bench_gate $(if $(FAULTS),--faults '$(FAULTS)')

lint: $(READY) ## Check style and types of our own code and of the client.
	@.venv/bin/ruff check . && .venv/bin/ruff format --check . && $(PY) -m mypy

lock: ## Resolve requirements.txt anew from pyproject.toml (needs uv).
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet --upgrade -o requirements.txt

$(READY): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "problem: Python %d.%d is too old.  fix: make PYTHON=python3.11" % sys.version_info[:2])'
	@echo "setting up .venv (once per requirements.txt)"
	@$(PYTHON) -m venv --clear .venv
	@$(PY) -m pip install -qq --disable-pip-version-check --require-hashes --no-deps -r requirements.txt
	@touch $@
