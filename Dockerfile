# Three images from one file: `web` (the API, without torch), `worker` (what does the checks), and `all`, the default,
# which runs both on one machine (docs/server.md has the commands). docker build --target web .
FROM python:3.12-slim AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 UNMASK_DATA=/data
WORKDIR /app
RUN useradd --uid 1000 --create-home unmask && mkdir /data && chown 1000:1000 /data
VOLUME /data

FROM base AS web
COPY requirements.txt ./
# the API needs neither the neural network nor what fetches, draws and shows
RUN grep -vE '^(torch|torchvision|mediapipe|ai-edge-litert|scipy|safetensors|huggingface-hub|matplotlib|scikit-image|c2pa-python|yt-dlp|deno|pycryptodomex|gradio|a2wsgi|openvino)\b' requirements.txt > web.txt \
    && pip install --no-cache-dir -r web.txt
COPY LICENSE THIRD_PARTY.md ./
COPY core core
COPY server server
USER 1000
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-m", "server.alive", "/health"]
CMD ["python", "-m", "server", "web"]

FROM base AS full
COPY packages.txt requirements.txt ./
# the libraries alone: a second Python is not wanted here
RUN apt-get update \
    && grep '^lib' packages.txt | xargs apt-get install -y --no-install-recommends \
    && rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir -r requirements.txt
COPY LICENSE THIRD_PARTY.md ./
COPY core core
COPY server server
USER 1000

FROM full AS worker
# a worker has no port; its sign of life is its row, which the web side's /ready reads
HEALTHCHECK NONE
CMD ["python", "-m", "server", "worker"]

FROM full AS all
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s \
    CMD ["python", "-m", "server.alive", "/ready"]
CMD ["python", "-m", "server", "all"]
