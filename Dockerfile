# Supervisor in a container: Debian's own git, Docker and Compose command lines, Python in a
# virtual environment. Builds with the classic builder too.
FROM debian:trixie-slim AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 python3-venv
COPY requirements/run.txt /build/run.txt
RUN python3 -m venv /supervisor/.venv \
    && /supervisor/.venv/bin/pip install --no-cache-dir --require-hashes -r /build/run.txt

FROM debian:trixie-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        ca-certificates docker-cli docker-compose git openssh-client python3 tini \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /supervisor/.venv /supervisor/.venv
COPY app.py gunicorn.conf.py /supervisor/
COPY supervisor /supervisor/supervisor
COPY migrations /supervisor/migrations
WORKDIR /supervisor
ENV PATH=/supervisor/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SUPERVISOR_BIND=0.0.0.0:3000 \
    SUPERVISOR_STORAGE=/supervisor/storage
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python3", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:3000/up', timeout=4)"]
ENTRYPOINT ["tini", "--"]
CMD ["gunicorn", "--config", "gunicorn.conf.py", "app:app"]
