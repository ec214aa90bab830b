# Needs Go and make; everything else is optional (make witness uses xmllint, xmlsec1 and python3 where they are).
SHELL := /bin/bash
.DEFAULT_GOAL := help

export CGO_ENABLED ?= 0
# disable_grpc_modules leaves Cloud Storage's gRPC transport out: 13 MB a binary that nothing here uses.
TAGS := -tags disable_grpc_modules
BIN := .local/bin
FUNCTIONS := $(notdir $(patsubst %/cmd/main.go,%,$(wildcard functions/*/cmd/main.go)))
EMULATORS := gcs secrets pubsub scheduler sii mail
GOFILES = $(shell git ls-files -co --exclude-standard '*.go')

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## compile the functions and the emulators into .local/bin
	@mkdir -p $(BIN)
	@set -e; \
	for f in $(FUNCTIONS); do go build $(TAGS) -trimpath -ldflags '-s -w' -o $(BIN)/$$f ./functions/$$f/cmd; done; \
	for e in $(EMULATORS) local; do go build $(TAGS) -trimpath -ldflags '-s -w' -o $(BIN)/$$e ./emulators/$$e/cmd; done

# WORLD, STATE_DIR, GATEWAY_ADDR and SII_SPEED may stand on the command line or in the environment.
LOCAL_ENV := $(foreach v,WORLD STATE_DIR GATEWAY_ADDR SII_SPEED,$(if $($(v)),$(v)="$($(v))"))

.PHONY: run run-local run-compose
run: run-$(or $(TARGET),local) ## issue documents from order to the SII's verdict; TARGET=compose: in containers

run-local: build
	@env $(LOCAL_ENV) $(BIN)/local run

run-compose: up
	@go build $(TAGS) -trimpath -ldflags '-s -w' -o $(BIN)/local ./emulators/local/cmd
	@rm -rf .local/compose && mkdir -p .local/compose
	@docker cp "$$($(COMPOSE) ps -q sii)":/world .local/compose/
	@env WORLD=.local/compose/world GATEWAY_URL=http://$(or $(GATEWAY_ADDR),127.0.0.1:8080) $(BIN)/local demo

.PHONY: serve
serve: build ## keep the whole stack running on GATEWAY_ADDR (127.0.0.1:8080)
	@env $(LOCAL_ENV) $(BIN)/local serve

# BUILD_IMAGE and RUN_IMAGE stand in for the base images of the Dockerfiles.
COMPOSE ?= docker compose
IMAGE_ARGS = $(foreach v,BUILD_IMAGE RUN_IMAGE,$(if $($(v)),--build-arg $(v)=$($(v))))

.PHONY: images
images: ## a container image for each function, and one for the emulators
	docker build -q -t timbre/emulators -f emulators/Dockerfile $(IMAGE_ARGS) .
	@set -e; for f in $(FUNCTIONS); do \
	  echo "docker build timbre/$$f"; \
	  docker build -q -t timbre/$$f -f functions/Dockerfile --build-arg FUNCTION=$$f $(IMAGE_ARGS) .; done

.PHONY: up
up: images .env ## keep the whole stack running in containers on GATEWAY_ADDR (127.0.0.1:8080)
	$(COMPOSE) up -d

.PHONY: down
down: ## stop the containers; their volumes stay
	$(COMPOSE) down

# The new container is ready before the gateway lets it take over; the old one is stopped when it has
# answered its last request.
.PHONY: restart
restart: ## replace each function's container while it serves
	@set -e; for f in $(FUNCTIONS); do \
	  old=$$($(COMPOSE) ps -q $$f); \
	  $(COMPOSE) up -d --no-deps --no-recreate --scale $$f=2 $$f; \
	  new=$$($(COMPOSE) ps -q $$f | grep -v "$$old"); \
	  for i in $$(seq 60); do \
	    state=$$(docker inspect -f '{{.State.Health.Status}}' $$new); [ $$state = healthy ] && break; sleep 0.5; done; \
	  [ $$state = healthy ] || { echo "the new container of $$f is $$state"; docker rm -f $$new; exit 1; }; \
	  at=$$(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' $$new); \
	  $(COMPOSE) exec -T gateway /local turn $$f http://$$at:8080; \
	  docker stop -t 12 $$old; docker rm $$old; \
	  $(COMPOSE) exec -T gateway /local turn $$f http://$$f:8080; done

# docker compose reads .env: the name of the stack and its operator's first key, made once.
.env:
	@umask 077; key=bootstrap_$$(LC_ALL=C tr -dc 'a-zA-Z0-9' </dev/urandom | head -c 48); \
	sum=$$(printf %s "$$key" | { sha256sum 2>/dev/null || shasum -a 256; } | cut -d' ' -f1); \
	printf 'COMPOSE_PROJECT_NAME=timbre\nBOOTSTRAP_KEY=%s\nBOOTSTRAP_KEY_SHA256=%s\n' "$$key" "$$sum" >$@

.PHONY: test
test: ## all tests, about a minute
	go test $(TAGS) -shuffle=on ./...

.PHONY: race
race: ## all tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 go test $(TAGS) -race -shuffle=on ./...

.PHONY: witness
witness: build ## judge what is written by xmllint, xmlsec1 and the oracle, and run the long corpora
	WITNESS=1 go test $(TAGS) -timeout 15m ./...
	@set -e; for world in "" "$${REFERENCE_DIR:-../shared}/testpki"; do \
	  if [ -n "$$world" ] && [ ! -d "$$world" ]; then echo "skipped: no world $$world"; continue; fi; \
	  dir=$$(mktemp -d); env STATE_DIR=$$dir/state GATEWAY_ADDR=127.0.0.1:0 WORLD="$$world" $(BIN)/local run; \
	  .ci/witness .local/out "$${world:-$$dir/world}/sii"; rm -rf "$$dir"; \
	done

.PHONY: bench
bench: build ## speed as ratios measured in one run, sizes and start times
	go test $(TAGS) -run '^$$' -bench . -benchmem ./shared/... ./functions/... | grep -v '^\(ok\|PASS\|?\)'
	BENCH=1 go test $(TAGS) -count=1 -v -run 'TestBench' ./functions/e2e

CRASH := go build $(TAGS) -o $(BIN)/crash ./emulators/crash/cmd && go build $(TAGS) -o $(BIN)/audit ./emulators/audit/cmd
CRASH_SHORT := CRASH_DOCUMENTS=120 CRASH_KILLS=30 CRASH_HITS=0 CRASH_BUSY=60s CRASH_QUIET=0s CRASH_SETTLE=120s CRASH_KILL_EVERY=200ms \
  CRASH_CLIENTS=8 CRASH_HOLD_MOST=4s CRASH_ANNOUNCED=true SII_FAULTS=bad-day SII_SPEED=600 \
  CRASH_FUNCTION_ENV=UPLOAD_TIMEOUT:1s,RETRY_FIRST:200ms,TOKEN_WAIT:2s

.PHONY: crash
crash: build ## kill functions 500 times while 3,000 documents go through hell; then an audit
	@$(CRASH) && $(BIN)/crash

.PHONY: crash-short
crash-short: build ## the same for a minute
	@$(CRASH) && env $(CRASH_SHORT) $(BIN)/crash

.PHONY: throughput
throughput: build ## documents a second of POST /v1/documents, by latency of the buckets and instances
	@$(CRASH) && $(BIN)/crash throughput

# BUGS names some of them; see shared/planted.
.PHONY: crash-planted
crash-planted: ## plant each known bug; the audit must find it
	@mkdir -p $(BIN) .local/planted
	@set -e; for f in generate-sign send poll-status notify onboard; do \
	  go build -tags disable_grpc_modules,planted -trimpath -ldflags '-s -w' -o .local/planted/$$f ./functions/$$f/cmd; done
	@$(CRASH) && env BIN_DIR=.local/planted $(BIN)/crash planted $(BUGS)

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (20s)
	@set -e; for p in $$(go list $(TAGS) ./...); do \
	  for f in $$(go test $(TAGS) -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
	    echo "$$p $$f"; go test $(TAGS) -run '^$$' -fuzz "^$$f$$" -fuzztime $(or $(FUZZTIME),20s) $$p | tail -1; \
	  done; done

.PHONY: cover
cover: ## statements covered, by package
	go test $(TAGS) -cover ./... | sed 's/^ok//' | awk '{print $$1, $$(NF-2), $$NF}'

.PHONY: generate
generate: ## write the generated pages of docs/ from the program's tables
	go run $(TAGS) ./shared/problem/reference/cmd

.PHONY: golden
golden: ## rewrite the golden files; look at the difference before you commit it
	go test $(TAGS) ./shared/... ./functions/... -update

.PHONY: fmt
fmt: ## format the code
	gofmt -w $(GOFILES)

.PHONY: lint
lint: ## gofmt, go vet, staticcheck, import rules
	@test -z "$$(gofmt -l $(GOFILES))" || { echo "gofmt would change:"; gofmt -l $(GOFILES); exit 1; }
	go vet $(TAGS) ./...
	go tool -modfile=infra/tools/go.mod staticcheck $(TAGS) ./...

# The provider's schema comes from its registry: without one, what needs it is skipped.
.PHONY: infra-check
infra-check: ## compare infra/ with the functions; format, validate and test it where tofu or terraform is
	go -C infra/check test -count=1 ./...
	@set -e; cd infra; tf=$$(command -v tofu || command -v terraform || true); \
	if [ -z "$$tf" ]; then echo "skipped: neither tofu nor terraform is installed (fmt, validate, test)"; exit 0; fi; \
	$$tf fmt -check -recursive; \
	log=$$(mktemp -d); trap 'rm -rf "$$log" .terraform.lock.hcl' EXIT; export TF_DATA_DIR="$$log/data"; \
	if ! timeout 120 $$tf init -backend=false -input=false >"$$log/init" 2>&1; then \
	  grep -q 'Failed to query available provider packages' "$$log/init" || { cat "$$log/init"; exit 1; }; \
	  echo "skipped: no provider hashicorp/google to be had (validate, test)"; exit 0; fi; \
	$$tf validate; $$tf test

.PHONY: contract
contract: build ## call every operation of docs/openapi.yaml on a running stack, fuzz them, follow the guide and the webhook page
	LIVE=1 BIN_DIR=$(CURDIR)/$(BIN) go -C infra/check test -count=1 ./...

# Left out of gosec: SHA-1 and what a bounded conversion, jitter, a file or an address that the operator
# names, and JSON written as JSON look like to it (each looked at; the code says why beside it).
GOSEC_LEAVES := G101,G104,G115,G117,G301,G304,G306,G401,G404,G505,G704,G705

.PHONY: vuln
vuln: ## gosec, and govulncheck where its database can be reached
	go tool -modfile=infra/tools/go.mod gosec -quiet -tags disable_grpc_modules -exclude-dir=emulators -exclude=$(GOSEC_LEAVES) ./shared/... ./functions/...
	@go tool -modfile=infra/tools/go.mod govulncheck $(TAGS) ./... || { curl -fsI -m 5 https://vuln.go.dev >/dev/null 2>&1 && exit 1; \
	  echo "skipped: govulncheck cannot reach its database"; }

.PHONY: tidy
tidy: ## go.mod names what is used, no more
	go mod tidy
	git diff --exit-code go.mod go.sum

.PHONY: clean
clean: ## forget binaries, state and the throw-away world
	rm -rf .local

.PHONY: ci
ci: ## what CI runs
	.ci/run
