# The last stage, `release`, is one image with both programs: `worker` is what it runs, `producer serve` the other.
# `demo` is the simulated cloud; no release image holds it.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION COMMIT DATE
RUN bash scripts/build.sh /out ./worker ./producer

FROM build AS build-demo
RUN bash scripts/build.sh /demo ./worker/devstack

FROM gcr.io/distroless/static-debian12:nonroot AS demo
COPY --from=build-demo /demo/ /usr/local/bin/
ENTRYPOINT ["/usr/local/bin/devstack"]

FROM gcr.io/distroless/static-debian12:nonroot AS release
COPY --from=build /out/ /usr/local/bin/
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["/usr/local/bin/worker", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/worker"]
