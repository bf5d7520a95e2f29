# Copyright The Quorate Authors.
# SPDX-License-Identifier: Apache-2.0

# Quorate. "make help" lists the targets; "make demo" and "make test" are all
# that a newcomer needs on a Debian machine with Go and make, as root.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# The cluster that demo and end-to-end tests use: "local" makes one of real
# kubelets on this machine; "kind" and "existing" use the kubeconfig at hand.
CLUSTER ?= local
ENGINE ?= consul
IMG ?= quorate/quorate:dev

# Which server of MongoDB is run: "double" is the one of test/mongosim, "real"
# MongoDB's own, which the nodes must be able to pull. Where nothing is said it is
# the double on the local cluster and the real one elsewhere.
MONGODB ?=

GO ?= go
TOOLCHAIN = $(GO) run ./hack/toolchain/cmd/toolchain
LOCAL = $(GO) run ./hack/cluster/cmd/cluster
IMAGES = $(GO) run ./hack/images/cmd/images

DEMO_TOOLS = etcd kube-apiserver kubectl kubelet kube-controller-manager kube-scheduler kube-proxy \
	containerd containerd-shim-runc-v2 ctr coredns helm consul consul@1.21.5
TEST_TOOLS = controller-gen golangci-lint kwok

# Further flags of a benchmark; "go run ./hack/bench faults --help" lists them.
BENCH_FLAGS ?=

# Which Consul the engine's own tests run: consul, or consul@1.21.5.
CONSUL ?= consul

.PHONY: help
help: ## List the targets.
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z][a-z0-9-]*:.*## / {printf "  %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Main

.PHONY: demo
demo: tools images $(if $(filter cassandra,$(ENGINE)),image-cassandra) ## Show the main job: a cluster, the operator, a datastore from one resource.
	$(GO) run ./hack/demo --cluster $(CLUSTER) --engine $(ENGINE) --mongodb '$(MONGODB)'

.PHONY: demo-down
demo-down: ## Remove everything that the demo made.
	$(GO) run ./hack/demo --cluster $(CLUSTER) --engine $(ENGINE) --down

# Tests that draw at random draw the same each time here, so that one that
# fails says something of the change at hand; "make campaign" draws anew.
.PHONY: test
test: export GOTESTFLAGS = -json
test: export RAPID_SEED ?= 1
test: ## Run all the tests; installs and builds what they need.
	@$(GO) run ./hack/verify \
		'!tools=$(MAKE) --no-print-directory test-tools' \
		'!images=$(MAKE) --no-print-directory images' \
		'&e2e=$(MAKE) --no-print-directory test-e2e' \
		'cluster=$(MAKE) --no-print-directory test-cluster' \
		'generated=$(MAKE) --no-print-directory check-generated' \
		'vet=$(GO) vet ./... && $(GO) vet -tags e2e,cluster,realconsul,realcassandra,controlplane ./...' \
		'lint=$(MAKE) --no-print-directory lint' \
		'unit=$(MAKE) --no-print-directory test-unit' \
		'&mongodb=$(MAKE) --no-print-directory test-mongodb' \
		'simulation=$(MAKE) --no-print-directory test-simulation' \
		'controlplane=$(MAKE) --no-print-directory test-controlplane' \
		'consul=$(MAKE) --no-print-directory test-consul'

##@ Tests, from quick to real

# Three packages at once on two cores, and first the two that take longest, which wait
# most of it: the others pass beside them.
.PHONY: test-unit
test-unit: ## Unit tests, properties and the suites on a real API server, with the race detector.
	KUBEBUILDER_ASSETS="$${KUBEBUILDER_ASSETS:-$$($(TOOLCHAIN) envtest)}" $(GO) test -race -p 3 -skip '^Test(Contract|Spares)$$' -timeout 30m $(GOTESTFLAGS) ./test/envtest/controller ./internal/engine/mongodb/mongod $$($(GO) list ./... | grep -v /enginetest)

.PHONY: test-controlplane
test-controlplane: ## The controller with real controller-manager and scheduler, and pods of kwok.
	KUBEBUILDER_ASSETS="$${KUBEBUILDER_ASSETS:-$$($(TOOLCHAIN) envtest)}" $(GO) test -tags controlplane -count=1 -timeout 15m $(GOTESTFLAGS) ./test/controlplane

# The simulation is pure functions in one goroutine: the race detector would only
# make it slower. TestContract runs a real engine's planning through it, TestSpares
# what MongoDB has besides. It makes much garbage and keeps little of it, which GOGC
# lets lie for longer.
test-simulation: export GOGC ?= 300
.PHONY: test-simulation
test-simulation: ## The planner against models of three kinds of servers, in every interleaving within bounds.
	RAPID_CHECKS=2000 $(GO) test -timeout 20m $(GOTESTFLAGS) ./internal/engine/enginetest/...
	RAPID_CHECKS=2000 $(GO) test -run '^Test(Contract|Spares)$$' -timeout 20m $(GOTESTFLAGS) ./internal/engine/consul ./internal/engine/mongodb ./internal/engine/cassandra

.PHONY: campaign
campaign: ## The simulation for as long as it takes to find what a hundred thousand random walks show.
	$(GO) test -run '^TestContract$$/^random$$' -timeout 4h ./internal/engine/consul ./internal/engine/mongodb ./internal/engine/cassandra -rapid.checks=100000
	$(GO) test -run '^TestSimulation$$/models//^random$$' -timeout 4h ./internal/engine/enginetest -rapid.checks=100000

.PHONY: test-consul
test-consul: ## The Consul engine against real Consul servers on loopback.
	QUORATE_CONSUL="$$($(TOOLCHAIN) path $(CONSUL))" QUORATE_CONSUL_OLD="$$($(TOOLCHAIN) path consul@1.21.5)" $(GO) test -tags realconsul -run '^TestReal' -parallel 3 -count=1 -timeout 10m $(GOTESTFLAGS) ./internal/engine/consul/...

# A server starts in half a minute of a core, so that this is not part of "make test".
.PHONY: test-cassandra
test-cassandra: ## The image of Cassandra, and its engine, with real servers on loopback.
	QUORATE_CASSANDRA="$$($(TOOLCHAIN) cassandra)" $(GO) test -tags realcassandra -run '^TestReal' -p 1 -count=1 -timeout 40m $(GOTESTFLAGS) ./hack/images ./internal/engine/cassandra/node

.PHONY: test-cluster
test-cluster: ## The local cluster itself: up, faults, down.
	$(GO) test -tags cluster -count=1 -timeout 15m $(GOTESTFLAGS) ./test/cluster

.PHONY: test-e2e
test-e2e: ## The product on a real cluster, with real Consul.
	$(GO) test -tags e2e -count=1 -timeout 40m $(GOTESTFLAGS) ./test/e2e -cluster=$(CLUSTER) -ginkgo.label-filter='!mongodb && !cassandra'

.PHONY: test-mongodb
test-mongodb: ## The same with MongoDB, or the double of its server.
	$(GO) test -tags e2e -count=1 -timeout 40m $(GOTESTFLAGS) ./test/e2e -cluster=$(CLUSTER) -name=quorate-mongodb -mongodb='$(MONGODB)' -ginkgo.label-filter=mongodb

# As test-cassandra not part of "make test", for the same reason.
.PHONY: test-e2e-cassandra
test-e2e-cassandra: tools images image-cassandra ## The product on a real cluster, with real Cassandra.
	$(GO) test -tags e2e -count=1 -timeout 60m $(GOTESTFLAGS) ./test/e2e -cluster=$(CLUSTER) -name=quorate-cassandra -images='dist/images/cassandra/*.tar' -ginkgo.label-filter=cassandra -ginkgo.v

.PHONY: lint
lint: ## Run golangci-lint.
	"$$($(TOOLCHAIN) path golangci-lint)" run

.PHONY: bench-form
bench-form: tools images ## Time a formation against the tutorial's manifests, in one run.
	$(GO) run ./hack/bench form --cluster $(CLUSTER)

.PHONY: bench-faults
bench-faults: tools images $(if $(filter cassandra,$(ENGINE)),image-cassandra) ## Measure faults and planned work under writes, against the tutorial's manifests.
	$(GO) run ./hack/bench faults --cluster $(CLUSTER) --engine $(ENGINE) $(BENCH_FLAGS)

##@ Build

.PHONY: build
build: ## Build the static binary into bin/.
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w" -o bin/quorate ./cmd/quorate

.PHONY: tools
tools: ## Install and build what cluster and demo need, once.
	@$(TOOLCHAIN) debian
	@$(TOOLCHAIN) ensure $(DEMO_TOOLS)

.PHONY: test-tools
test-tools: tools ## Install and build what the tests need besides, once.
	@$(TOOLCHAIN) ensure $(TEST_TOOLS)

.PHONY: vuln
vuln: ## Look for known vulnerabilities, where their database can be reached.
	"$$($(TOOLCHAIN) path govulncheck)" ./...

.PHONY: images
images: ## Write dist/images/*.tar without a container engine.
	@$(IMAGES)

.PHONY: image-cassandra
image-cassandra: ## Write dist/images/cassandra/*.tar, the image of real Cassandra servers.
	@$(IMAGES) --only cassandra-5.0 --out dist/images/cassandra

.PHONY: docker-build
docker-build: ## Build the operator's image with Docker.
	docker build -t $(IMG) .

.PHONY: generate
generate: ## Regenerate CRD, RBAC, deepcopy and apply configurations.
	$(GO) run ./hack/generate

.PHONY: check-generated
check-generated: ## Fail where anything generated is not current.
	$(GO) run ./hack/generate --check

##@ The local cluster

.PHONY: cluster-up
cluster-up: tools ## Start a cluster of real kubelets on this machine.
	$(LOCAL) up

.PHONY: cluster-down
cluster-down: ## Remove it and all it left.
	$(LOCAL) down

.PHONY: install
install: ## Install the operator with kustomize into the cluster of the kubeconfig.
	kubectl apply -k config/default
