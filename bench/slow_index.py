"""pypiserver as its manual runs it in production (gunicorn), with latency put before each answer.

SLOW_INDEX_FOLDER: where the packages lie. SLOW_INDEX_SECONDS: the latency.
"""

import os
import time

import pypiserver

LATENCY = float(os.environ["SLOW_INDEX_SECONDS"])

served = pypiserver.app(
    roots=[os.environ["SLOW_INDEX_FOLDER"]],
    password_file=".",
    authenticate=[],
    disable_fallback=True,
)


def app(environ, start_response):
    time.sleep(LATENCY)
    return served(environ, start_response)
