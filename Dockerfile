# A container with everything but the images: docker build -t wellread . && docker run --rm -v "$PWD:/data" wellread --cores 8 --configfile config/mine.yaml
# Results are written below the folder that is mounted as /data; paths in a config are relative to it. For GPUs add --gpus all.
FROM python:3.11-slim-bookworm

# build-essential: the views of training are compiled on first use
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends build-essential git \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/wellread
COPY requirements.lock .
RUN pip install --no-cache-dir --requirement requirements.lock
COPY . .

ENV OMP_WAIT_POLICY=PASSIVE
WORKDIR /data
ENTRYPOINT ["snakemake", "--snakefile", "/opt/wellread/workflow/Snakefile"]
CMD ["--help"]
