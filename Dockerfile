# cvalues in a container: docker build -t cvalues . && docker run --rm -v "$PWD:/work" cvalues demo
# The first stage installs from the lock, with hashes; the second holds no build tools.
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE NOTICE requirements.lock requirements-build.lock ./
COPY scripts scripts
COPY rubrics rubrics
COPY calibration calibration
COPY judge judge
COPY cvalues cvalues
RUN python -m venv /opt/cvalues
RUN scripts/install.sh /opt/cvalues/bin/python
RUN /opt/cvalues/bin/python -W ignore scripts/compile_used.py

FROM python:3.12-slim
COPY --from=build /opt/cvalues /opt/cvalues
ENV PATH=/opt/cvalues/bin:$PATH
# The user owns the folder that is mounted at /work; nothing here runs as root.
RUN useradd --create-home cvalues && mkdir /work && chown cvalues /work
USER cvalues
WORKDIR /work
ENTRYPOINT ["cvalues"]
CMD ["--help"]
