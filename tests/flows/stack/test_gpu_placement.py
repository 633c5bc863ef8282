import pytest

from configs.errors import ConfigError
from flows.stack.gpu_placement import Placement, place


@pytest.mark.parametrize("pool_type", ["process", "docker", "kubernetes"])
def test_a_deployment_without_a_tag_about_gpus_goes_anywhere(pool_type):
    assert place(["pawl", "training", "gpus"], pool_type) == Placement()


def test_in_a_process_pool_the_queue_says_it_all():
    assert place(["gpu:h100:8"], "process") == Placement("gpu-h100", {})
    assert place(["gpu"], "process").work_queue == "gpu"


def test_a_kind_is_a_label_of_nodes():
    asked = place(["gpu:l4"], "kubernetes")
    assert asked.work_queue == "gpu-l4"
    assert asked.job_variables["gpu_count"] == 1
    assert asked.job_variables["node_selector"] == {"pawl/gpu": "l4"}


def test_any_kind_selects_no_node():
    assert "node_selector" not in place(["gpu"], "kubernetes").job_variables


@pytest.mark.parametrize("tag", ["gpu:", "gpu:H100", "gpu:h100:0", "gpu:h100:17", "gpu:h100:2:2"])
def test_a_malformed_tag_is_named(tag):
    with pytest.raises(ConfigError, match=f"tags {tag}: expected one tag such as"):
        place([tag], "kubernetes")


def test_two_tags_are_refused():
    with pytest.raises(ConfigError, match="gpu:h100, gpu:l4"):
        place(["gpu:h100", "gpu:l4"], "process")
