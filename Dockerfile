# The server for a CPU:   docker build -t vibevoice-pro .
# with Japanese voices:   docker build -t vibevoice-pro --build-arg EXTRAS=redis,ja .
# for an NVIDIA card:     docker build -t vibevoice-pro:cuda --target cuda .

ARG PYTHON=3.12

FROM python:${PYTHON}-slim-bookworm AS build
ARG EXTRAS=redis
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir ".[${EXTRAS}]" supervisor==4.3.0

# PyPI's PyTorch brings the CUDA libraries; the container runtime brings the driver.
FROM build AS build-cuda
RUN /opt/venv/bin/pip install --no-cache-dir ".[${EXTRAS},vibevoice]"

FROM python:${PYTHON}-slim-bookworm AS base
LABEL org.opencontainers.image.title="VibeVoice Pro" \
      org.opencontainers.image.description="Streaming text-to-speech server" \
      org.opencontainers.image.licenses="MIT"
# The server's folder is /root/build, as published, and yet the server need not be root: /root may
# be passed through, and the folder is the user's own.
RUN useradd --uid 1000 --home-dir /root/build --no-create-home vibevoice \
    && chmod 711 /root \
    && install -d -o vibevoice -g vibevoice \
        /root/build /root/build/config /root/build/logs /root/build/cache
COPY deploy/supervisord.conf /etc/supervisord.conf
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SUPERVISOR_RUN=/tmp \
    VIBEVOICE_FOLDER=/root/build \
    VIBEVOICE_HOST=0.0.0.0 \
    VIBEVOICE_STORE=/root/build/cache/sessions.db
WORKDIR /root/build
VOLUME ["/root/build/config", "/root/build/logs", "/root/build/cache"]
USER 1000:1000
EXPOSE 7860
# The first start may load a checkpoint.
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/healthz', timeout=4)"]
CMD ["supervisord", "-c", "/etc/supervisord.conf"]

FROM base AS cuda
COPY --from=build-cuda /opt/venv /opt/venv
ENV VIBEVOICE_DEVICE=cuda \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility

FROM base AS cpu
COPY --from=build /opt/venv /opt/venv
