# One image for every process of the Procfile. BUILD=gpu puts in TensorFlow's build for NVIDIA GPUs.
FROM python:3.11.15-slim-trixie

ARG BUILD=cpu
# Debian keeps one version of each package at a time, so the release above is what is pinned. Its postgresql-client is 17,
# as the server of compose.yaml has to be: an older pg_dump refuses a newer server, and an older server a newer dump.
# 1000: where folders of the host are mounted, they often belong to its first user.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends fluidsynth postgresql-client \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 1000 --create-home music \
 && mkdir -p /srv/var /srv/static && chown music:music /srv/var /srv/static
WORKDIR /srv/musicgen

COPY requirements.txt requirements-gpu.txt requirements-nodeps.txt requirements-uv.txt ./
RUN pip install --no-cache-dir --require-hashes -r requirements-uv.txt \
 && if [ "$BUILD" = gpu ]; then wanted=requirements-gpu.txt; else wanted=requirements.txt; fi \
 && uv pip install --system --no-cache --require-hashes -r "$wanted" \
 && uv pip install --system --no-cache --require-hashes --no-deps -r requirements-nodeps.txt

COPY . .
ENV PYTHONUNBUFFERED=1 \
    VAR_DIR=/srv/var \
    STATIC_ROOT=/srv/static
# Static files belong to the image: every machine has those of its own version.
RUN SECRET_KEY=only-while-the-image-is-built-and-never-kept python manage.py collectstatic --no-input --verbosity 0 \
 && chown -R music:music /srv/static /srv/var

# music, by its number: a cluster that demands that no container runs as root can see it.
USER 1000
EXPOSE 8000
# web, worker or release, as the Procfile has them.
ENTRYPOINT ["/srv/musicgen/docker/process"]
CMD ["web"]
