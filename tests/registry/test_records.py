from pathlib import Path

import pytest

from configs.errors import RegistryError
from registry.records import LINEAGE_TAGS, VersionRecord, directory_of, own_tags


def record(**tags):
    return VersionRecord(model="notes", version=3, run_id="r", tags=tags)


def test_only_tags_of_pawl_are_read_and_without_their_prefix():
    assert own_tags({"pawl.candidate": "awq", "mlflow.note": "x", "pawl": "y"}) == {
        "candidate": "awq"
    }


def test_a_missing_tag_is_named():
    with pytest.raises(RegistryError) as missing:
        _ = record().weights_digest
    assert str(missing.value) == (
        "notes version 3: expected tag pawl.weights_digest, got none. "
        "Use a version that Pawl registered."
    )


def test_lineage_is_complete_or_refused():
    tags = {name: f"of {name}" for name in LINEAGE_TAGS}
    assert record(**tags, candidate="awq").lineage == tags
    del tags["adapter_digest"]
    with pytest.raises(RegistryError, match=r"expected tag pawl.adapter_digest"):
        _ = record(**tags).lineage


@pytest.mark.parametrize("path", ["/models/a b", "/models/ünï%20code#1?x"])
def test_a_location_leads_back_to_its_directory(path):
    assert directory_of(Path(path).as_uri()) == Path(path)
    assert record(weights_location=Path(path).as_uri()).weights_directory == Path(path)


@pytest.mark.parametrize("location", ["s3://bucket/model", "/models/a", "hf://org/name", ""])
def test_a_location_that_is_no_file_uri_is_refused(location):
    with pytest.raises(RegistryError, match=r"expected a file:// location, got another. Mount"):
        directory_of(location)
