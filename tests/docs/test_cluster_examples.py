"""The examples for clusters load, start commands that exist, and hold no key."""

import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from ruamel.yaml import YAML

from cvalues.cli.command_table import load_command

FOLDER = Path(__file__).parents[2] / "examples" / "cluster"
NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
IMAGE = re.compile(r"[a-z0-9.-]+(/[a-z0-9._-]+)+:(?!latest$)[\w.-]+")
SECRET = re.compile(r"KEY|TOKEN|PASSWORD|SECRET|CVALUES_STORE")
KEYS = re.compile(r"sk-[\w-]{8,}|://[^\s/@]+:[^\s/@]+@|AKIA[0-9A-Z]{12}|eyJ[\w-]{20,}")


def manifest(name: str) -> dict[str, Any]:
    reader: Any = YAML(typ="safe")
    (only,) = reader.load_all((FOLDER / name).read_text(encoding="utf-8"))
    return only


def pods(found: object) -> Iterator[Mapping[str, Any]]:
    """Give the specifications of all pods within a manifest."""
    if isinstance(found, dict):
        values = cast("Mapping[str, Any]", found)
        if "containers" in values:
            yield values
        for value in values.values():
            yield from pods(value)
    elif isinstance(found, list):
        for value in cast("Sequence[Any]", found):
            yield from pods(value)


def faults(found: Mapping[str, Any]) -> list[str]:
    """Lint a manifest: what a cluster would refuse, and what an operator would regret."""
    wrong = [name for name in ("apiVersion", "kind", "metadata", "spec") if name not in found]
    if wrong:
        return wrong
    if not NAME.fullmatch(found["metadata"]["name"]):
        wrong.append("name")
    for pod in pods(found["spec"]):
        for container in pod["containers"]:
            wrong += _container_faults(container)
        mounts = {m["name"] for c in pod["containers"] for m in c.get("volumeMounts", ())}
        if mounts != {volume["name"] for volume in pod.get("volumes", ())}:
            wrong.append("volumes")
    return wrong


def _container_faults(container: Mapping[str, Any]) -> Iterator[str]:
    if not NAME.fullmatch(container["name"]):
        yield "container's name"
    if not IMAGE.fullmatch(container["image"]):
        yield "image"
    for entry in container["env"]:
        if SECRET.search(entry["name"]):
            source = entry.get("valueFrom", {}).get("secretKeyRef", {})
            if "value" in entry or not {"name", "key"} <= source.keys():
                yield f"{entry['name']} stands in the manifest"
        elif not isinstance(entry["value"], str):
            yield f"{entry['name']} is no text"
    resources = container["resources"]
    if not {"cpu", "memory"} <= resources["requests"].keys() or "memory" not in resources["limits"]:
        yield "resources"


def unknown_options(words: Sequence[str]) -> set[str]:
    """Give the options of a command line that its command does not have."""
    program, name, *rest = words
    assert program == "cvalues"
    known = {option for parameter in load_command(name).params for option in parameter.opts}
    return {word.partition("=")[0] for word in rest if word.startswith("-")} - known


@pytest.mark.parametrize("name", ["worker-job.yaml", "rayjob.yaml", "vllm-rayservice.yaml"])
def test_a_manifest_has_what_a_cluster_needs_and_keys_come_from_secrets(name: str) -> None:
    assert faults(manifest(name)) == []


def test_the_job_is_a_queue_of_workers_that_wrong_input_ends() -> None:
    job = manifest("worker-job.yaml")
    spec = job["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    (fatal, moved) = spec["podFailurePolicy"]["rules"]

    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
    assert "completions" not in spec
    # A policy for failures is refused by Kubernetes with any other policy for restarts.
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert fatal["onExitCodes"]["containerName"] == container["name"]
    assert (fatal["action"], fatal["onExitCodes"]["values"]) == ("FailJob", [2])
    assert moved["onPodConditions"] == [{"type": "DisruptionTarget"}]
    assert unknown_options(container["command"]) == set()


def test_the_ray_job_starts_workers_on_its_own_cluster() -> None:
    job = manifest("rayjob.yaml")
    cluster = job["spec"]["rayClusterSpec"]
    (group,) = cluster["workerGroupSpecs"]
    words = shlex.split(job["spec"]["entrypoint"])

    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert unknown_options(words) == set()
    assert words[words.index("--on") + 1] == "ray"
    # An actor takes one whole CPU: 8 workers fit into 4 pods of 2.
    cpus = int(group["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"])
    assert int(words[words.index("--workers") + 1]) <= group["maxReplicas"] * cpus
    assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    assert cluster["headGroupSpec"]["rayStartParams"] == {"num-cpus": "0"}


def test_the_service_of_replicas_has_a_pod_with_gpus_for_each() -> None:
    service = manifest("vllm-rayservice.yaml")
    reader: Any = YAML(typ="safe")
    (application,) = reader.load(service["spec"]["serveConfigV2"])["applications"]
    (model,) = application["args"]["llm_configs"]
    (group,) = service["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    scaling = model["deployment_config"]["autoscaling_config"]
    (container,) = group["template"]["spec"]["containers"]

    assert (service["apiVersion"], service["kind"]) == ("ray.io/v1", "RayService")
    assert application["import_path"] == "ray.serve.llm:build_openai_app"
    assert scaling["min_replicas"] <= group["minReplicas"]
    assert scaling["max_replicas"] <= group["maxReplicas"]
    assert scaling["target_ongoing_requests"] < model["deployment_config"]["max_ongoing_requests"]
    gpus = int(container["resources"]["limits"]["nvidia.com/gpu"])
    assert gpus == model["engine_kwargs"]["tensor_parallel_size"]


def test_the_job_script_of_slurm_is_whole() -> None:
    path = FOLDER / "workers.sbatch"
    lines = path.read_text(encoding="utf-8").splitlines()
    asked = [n for n, line in enumerate(lines) if line.startswith("#SBATCH ")]
    first = next(n for n, line in enumerate(lines) if line and not line.startswith("#"))
    started = next(line for line in lines if line.startswith("srun "))

    assert subprocess.run(["bash", "-n", str(path)], check=False).returncode == 0
    assert lines[0] == "#!/bin/bash"
    # Slurm reads no directive after the first command.
    assert max(asked) < first
    assert {"--requeue", "--array=1-16"} <= {lines[n].removeprefix("#SBATCH ") for n in asked}
    assert unknown_options(shlex.split(started)[1:]) == set()


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda path: path.name)
def test_no_example_holds_a_key(path: Path) -> None:
    assert not KEYS.search(path.read_text(encoding="utf-8"))


def test_the_lint_finds_a_key_a_loose_image_and_a_missing_volume() -> None:
    job = manifest("worker-job.yaml")
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    container["image"] = "registry.example.com/cvalues-worker:latest"
    container["env"][2] = {"name": "OPENAI_API_KEY", "value": "sk-0123456789"}
    container["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    del container["resources"]["limits"]["memory"]

    assert faults(job) == [
        "image", "OPENAI_API_KEY stands in the manifest", "resources", "volumes",
    ]  # fmt: skip
