# One image, both programs: `worker` is what it runs, `producer serve` the other.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION COMMIT DATE
RUN bash scripts/build.sh /out ./worker ./producer

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/ /usr/local/bin/
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["/usr/local/bin/worker", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/worker"]
