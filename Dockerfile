# syntax=docker/dockerfile:1
# Both images are arguments, so that it also builds from local ones, without a registry.
ARG BUILD_IMAGE=docker.io/library/rust:1-slim-bookworm
ARG FINAL_IMAGE=scratch

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
# Static, so that the final stage needs no C library. Certificate authorities are
# compiled in. With `--target`, the flags do not reach build scripts and macros,
# which cannot be static.
RUN target="$(rustc --print host-tuple)" \
    && RUSTFLAGS="-C target-feature=+crt-static" \
       cargo build --release --locked --bin pipewright --target "$target" \
    && cp "target/$target/release/pipewright" /pipewright

# No shell, no package manager, no other file than the binary.
FROM ${FINAL_IMAGE}
COPY --from=build /pipewright /pipewright
# No USER: GitHub mounts the workspace and the files for outputs and the step summary
# as the runner's user, and a container action has to be root to write them. Elsewhere,
# run it as any user: `docker run --user 65532 …`; it needs no rights of its own.
ENTRYPOINT ["/pipewright"]
