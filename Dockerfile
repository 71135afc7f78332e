# Supervisor in a container: Debian's own git, Docker and Compose command lines, Python in a
# virtual environment. Builds with the classic builder too. `make image` calls it.
ARG BASE=debian:trixie-slim

FROM $BASE AS system
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        ca-certificates docker-cli docker-compose git git-lfs openssh-client python3 tini \
    && rm -rf /var/cache/apt/* /var/lib/apt/lists/*

FROM system AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3-venv
COPY requirements/run.txt /build/run.txt
RUN python3 -m venv /supervisor/.venv \
    && /supervisor/.venv/bin/pip install --no-cache-dir --require-hashes -r /build/run.txt \
    && /supervisor/.venv/bin/pip uninstall --yes pip
COPY app.py gunicorn.conf.py scripts/entrypoint.sh /supervisor/
COPY migrations /supervisor/migrations
COPY supervisor /supervisor/supervisor
COPY scripts/supervisor /supervisor/scripts/supervisor
RUN ln -s ../../scripts/supervisor /supervisor/.venv/bin/supervisor
# The user may not write here, and would compile them anew at each start.
RUN python3 -m compileall -q /supervisor/supervisor /supervisor/migrations /supervisor/app.py

FROM system
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Supervisor" \
    org.opencontainers.image.description="Keeps Docker Compose stacks at the newest commit of their Git repositories" \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION"
# The user has to get through /root where the storage has its path on the host below it.
RUN groupadd --system --gid 3000 supervisor \
    && useradd --system --uid 3000 --gid supervisor --no-create-home --home-dir /supervisor supervisor \
    && install -d -o supervisor -g supervisor -m 700 /supervisor/storage /supervisor/.docker \
    && chmod a+x /root
COPY --from=build /supervisor /supervisor
WORKDIR /supervisor
# Builds want to write beside Docker's configuration, which may be mounted read-only.
ENV PATH=/supervisor/.venv/bin:$PATH \
    HOME=/supervisor \
    DOCKER_CONFIG=/supervisor/.docker \
    BUILDX_CONFIG=/tmp/buildx \
    PYTHONUNBUFFERED=1 \
    SUPERVISOR_BIND=0.0.0.0:3000 \
    SUPERVISOR_FORCE_SSL=true
EXPOSE 3000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["python3", "-c", "\
import http.client, os, sys; \
port = os.environ['SUPERVISOR_BIND'].rpartition(':')[2]; \
connection = http.client.HTTPConnection('127.0.0.1', int(port), timeout=4); \
connection.request('GET', '/up'); \
sys.exit(connection.getresponse().status != 200)"]
# It starts as root to join the group of the engine's socket, and goes on as the user supervisor.
ENTRYPOINT ["tini", "--", "/supervisor/entrypoint.sh"]
CMD ["gunicorn", "--config", "gunicorn.conf.py", "app:app"]
