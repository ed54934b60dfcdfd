# The studio in one image: docker build -t junjo-ai-studio . && docker run -p 127.0.0.1:1323:1323 -v studio-data:/data junjo-ai-studio

FROM python:3.13-slim AS packages
COPY requirements.lock /
RUN python -m venv /opt/studio \
    && /opt/studio/bin/pip install --no-cache-dir --require-hashes -r /requirements.lock \
    && rm -rf /opt/studio/lib/python3.13/site-packages/pip*

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home --home-dir /data studio \
    && install --directory --owner studio --mode 0700 /data
COPY --from=packages /opt/studio /opt/studio
COPY actors /app/actors
COPY transports /app/transports
COPY studio /app/studio
RUN /opt/studio/bin/python -m compileall -q /app

# Inside a container, loopback is reachable by nobody; what is published decides who can connect.
ENV PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    JUNJO_HOST=0.0.0.0 \
    JUNJO_DATA_DIR=/data

USER studio
WORKDIR /data
VOLUME /data
# HTTP (REST and OTLP), OTLP over gRPC, key checks over gRPC.
EXPOSE 1323 50051 50053
# Not through the proxy that docker may put into the environment of each container.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["/opt/studio/bin/python", "-c", "import os, urllib.request as u; u.build_opener(u.ProxyHandler({})).open('http://127.0.0.1:' + os.environ.get('JUNJO_BACKEND_PORT', '1323') + '/health', timeout=2)"]
CMD ["/opt/studio/bin/python", "-P", "-m", "studio"]
