# Every target makes its own environment: .venv, from the hashed lock, with python3's venv and pip alone.
# GNU make 3.81 or newer.

TARGETS := help gate judge proxy replay load rules export compare serve generate check changes vendor vendor-check \
	test test-fast test-slow test-external test-all faults fuzz attacks mutate bench docs lint lock

# What each target takes on the command line, besides PYTHON. Anything else is an error.
SETTINGS := TARGET TOKEN_FILE START PROFILE BUILD_ID LEVEL RULE FAULT SEED DRY_RUN SERVER_ONLY WAIVERS REQUIRE CLEANUP \
	MAX_BUILDS MAX_REQUESTS RATE DEADLINE STUCK_AFTER DOCKERFILE HEADERS CA_BUNDLE PROXY UPLOAD_HOSTS DATABASE

gate.takes         := CLIENT_PAGE $(SETTINGS)
judge.settings     := LEVEL RULE
replay.settings    := TARGET TOKEN_FILE LEVEL RULE FAULT MAX_BUILDS MAX_REQUESTS RATE DEADLINE STUCK_AFTER DOCKERFILE HEADERS \
	CA_BUNDLE PROXY UPLOAD_HOSTS
replay.takes       := HAR $(replay.settings)
rules.takes        := RULE
export.takes       := FORM
judge.takes        := HAR PAGE $(judge.settings)
proxy.settings     := TARGET PROFILE LEVEL RULE WAIVERS REQUIRE STUCK_AFTER CA_BUNDLE PROXY UPLOAD_HOSTS
proxy.takes        := PORT FAIL_FAST $(proxy.settings)
load.settings      := TARGET TOKEN_FILE START LEVEL RULE FAULT WAIVERS USERS WORKERS PAUSE SAMPLE P99 ERRORS VIOLATIONS LISTEN \
	MASTER MAX_BUILDS MAX_REQUESTS RATE DEADLINE STUCK_AFTER DOCKERFILE HEADERS CA_BUNDLE PROXY UPLOAD_HOSTS
load.takes         := $(load.settings)
compare.takes      := UPSTREAM ACCEPTED PAGE
serve.settings     := FAULT
serve.takes        := PORT SCENARIO $(serve.settings)
changes.takes      := WRITE
vendor.takes       := DEST WITH_TESTS FORCE
vendor-check.takes := DEST
faults.takes       := FAULTS
fuzz.takes         := INPUTS SEED
attacks.takes      := FAMILIES
bench.takes        := PART FAULTS
# What an earlier run has written, which one that does not start must not leave.
REPORTS := $(addprefix reports/,junit.xml index.html summary.md verdicts.json badge.json tape.har load.html server.log)

FLAGS              := WRITE WITH_TESTS FORCE FAIL_FAST

.DEFAULT_GOAL := help
.PHONY: $(TARGETS) environment

include scripts/given.mk

# Isolated: no variable of the caller changes what Python does. What it compiles stays below .venv.
PY  := .venv/bin/python -I -X pycache_prefix="$$PYTHONPYCACHEPREFIX"
RUN := $(PY) -m contract_tests
# One more at a time than there are cores: some tests wait.
TESTS := $(PY) -m pytest -q --no-header -n $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --dist worksteal

COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links --quiet --upgrade

help: ## Show every target, one line each.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

gate: environment ## Check client and server. [TARGET=url] [DRY_RUN=1] [LEVEL=must] [RULE=T5] [FAULT=name] …
	@$(if $(filter only,$(value CLEANUP)),:,rm -f $(REPORTS))
	@$(call settings,$(SETTINGS)) exec $(RUN) gate --junit=reports/junit.xml $(call option,CLIENT_PAGE,--client-page)

judge: environment ## Check recorded traffic. HAR=file [PAGE=file] [LEVEL=must] [RULE=T5]
	@$(call settings,$(judge.settings)) $(RUN) judge $(call option,PAGE,--page) -- "$$HAR"

proxy: environment ## Check a client, and the server behind it, by what passes through. [TARGET=url] [PORT=9000] [FAIL_FAST=1] …
	@rm -f $(REPORTS)
	@$(call settings,$(proxy.settings)) exec $(RUN) proxy --junit=reports/junit.xml $(call option,PORT,--port) $(call flag,FAIL_FAST,--fail-fast)

replay: environment ## Send what fails in a recording again. [HAR=reports/tape.har] [TARGET=url] [FAULT=name] [RULE=T5] …
	@$(call settings,$(replay.settings)) $(RUN) replay -- "$$HAR"

load: environment ## Load a server, and check every exchange. [TARGET=url] [USERS=10] [WORKERS=1] [P99=ms] [FAULT=name] …
	@rm -f $(REPORTS)
	@sh scripts/ci/install.sh .venv-load $${PYTHON:+"$$PYTHON"}
	@$(call settings,$(load.settings)) exec $(subst .venv,.venv-load,$(RUN)) load --junit=reports/junit.xml

rules: environment ## Show each rule, or all about one: its words, the usual fix. [RULE=T5]
	@$(RUN) rules -- "$$RULE"

export: environment ## Write the contract for other tools, as JSON: with rules as schemas, or a build as a workflow. [FORM=strict|arazzo]
	@$(RUN) export -- "$$FORM"

compare: environment ## Show how a published document differs, and who is affected. UPSTREAM=file-or-url [PAGE=file] [ACCEPTED=file]
	@$(RUN) compare $(call option,ACCEPTED,--accepted) $(call option,PAGE,--page) -- "$$UPSTREAM"

serve: environment ## Run the reference server on 127.0.0.1. [PORT=8000] [SCENARIO=name] [FAULT=name]
	@$(call settings,$(serve.settings)) exec $(RUN) serve $(call option,PORT,--port) $(call option,SCENARIO,--scenario)

generate: environment ## Write the client from openapi.yaml.
	@$(RUN) generate

check: environment ## Check whether the client is fresh; write nothing.
	@$(RUN) check

changes: environment ## List what changed since the last release; check changelog and version. [WRITE=1]
	@$(RUN) changes $(call flag,WRITE,--write)

vendor: environment ## Copy the client into a project. DEST=dir [WITH_TESTS=1] [FORCE=1]
	@$(RUN) vendor $(call flag,WITH_TESTS,--with-tests) $(call flag,FORCE,--force) -- "$$DEST"

vendor-check: environment ## Check whether a vendored copy is edited, broken or outdated. DEST=dir
	@$(RUN) vendor-check -- "$$DEST"

test-fast: environment lint ## Run lint, types and the unit tests: the inner loop.
	@$(TESTS) -m "not slow and not external" contract_tests/selftest/unit

test: environment lint check ## Test the project itself: lint, types, freshness, and all tests but those of the next two.
	@$(TESTS) -m "not slow and not external"

test-slow: environment ## Run the tests that take seconds each: of programs, generated requests, whole families.
	@$(TESTS) -m "slow and not external"

test-external: environment ## Run the tests that need the vendor's own clients, npm or a browser, or run a peer.
	@$(PY) -m pytest -q --no-header -n 4 -m external $$(grep -rl --include='test_*.py' mark.external contract_tests/selftest)

test-all: test test-slow test-external ## Run all tests.

faults: environment ## Run the gate against each known fault, and write docs/faults.md. [FAULTS=name,name]
	@$(PY) -m contract_tests.selftest.support.detection --write $(call option,FAULTS,--faults)

fuzz: environment ## Feed a million mutated bodies to the client's decoders. [INPUTS=n] [SEED=n]
	@$(PY) -m contract_tests.selftest.support.soundness $(call option,INPUTS,--inputs) $(call option,SEED,--seed)

attacks: environment ## Attack this project with generated inputs, and write docs/attacks.md. [FAMILIES=name,name]
	@$(PY) -m contract_tests.selftest.support.attacks --write $(call option,FAMILIES,--families)

mutate: environment ## Mutation-test the client.
	@$(PY) -m scripts.dev.mutate

bench: environment ## Measure this project beside its peers, and write docs/benchmarks.md. [PART=decode] [FAULTS=all|n|name,name]
	@$(PY) -m scripts.dev.bench $(call option,PART,--part) $(call option,FAULTS,--faults)

docs: environment ## Build the site of the documents in site/, and check its links.
	@sh scripts/ci/install.sh .venv-docs $${PYTHON:+"$$PYTHON"}
	@$(PY) -m scripts.dev.docs

lint: environment ## Check the contract, and style, types and imports of the code.
	@$(RUN) lint
	@$(PY) -m ruff check . && $(PY) -m ruff format --check . && $(PY) -m mypy
	@$(PY) -c 'from importlinter.cli import lint_imports_command as main; main()' --no-logo --no-cache

lock: ## Resolve the requirements*.txt from pyproject.toml (needs uv).
	$(COMPILE) pyproject.toml --extra progress --extra generate --extra test -o requirements.txt
	$(COMPILE) pyproject.toml --extra load -c requirements.txt -o requirements-load.txt
	$(COMPILE) --group docs -c requirements.txt -o requirements-docs.txt

environment:
	@sh scripts/ci/install.sh .venv $${PYTHON:+"$$PYTHON"}
