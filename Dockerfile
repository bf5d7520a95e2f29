# Copyright The Quorate Authors.
# SPDX-License-Identifier: Apache-2.0

# The operator's image: one static binary that is manager, init and agent. "make images" writes the same without Docker.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ARG TARGETOS
ARG TARGETARCH
WORKDIR /src
ENV CGO_ENABLED=0 GOCACHE=/go/cache

# Modules first: they change less often than the code.
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download

COPY . .
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/go/cache \
    GOOS=${TARGETOS:-linux} GOARCH=${TARGETARCH} \
    go build -trimpath -buildvcs=false -ldflags="-s -w" -o /out/quorate ./cmd/quorate

FROM gcr.io/distroless/static:nonroot
COPY --from=build /out/quorate /quorate
# By number, so that a cluster can see that it is not root.
USER 65532:65532
ENTRYPOINT ["/quorate"]
