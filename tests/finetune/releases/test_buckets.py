import json
import shutil

import pytest

from configs.errors import WeightsError
from finetune.releases.files import observe_files
from finetune.releases.observation import Revision, StillUploading
from finetune.releases.source_errors import GoneError, RateLimitedError, SourceError
from finetune.releases.stored_files import BucketFiles
from finetune.weights import DOWNLOADED, locate_weights
from registry.digests import digest_directory
from tests.small_checkpoint import checkpoint

EXTRA = {"notes.md": b"not of the weights", "sub/vocab.txt": b"a\n"}


@pytest.fixture(params=["s3", "gs"])
def bucket(request):
    """A bucket of each kind: its scheme, and how to put an object into it."""
    if request.param == "s3":
        client = request.getfixturevalue("s3")

        def put(name, content):
            client.put_object(Bucket="models", Key=f"llama/base/{name}", Body=content)
    else:
        gcs = request.getfixturevalue("gcs")

        def put(name, content):
            gcs.put("models", f"llama/base/{name}", content)

    def put_all(files):
        for name, content in files.items():
            put(name, content)

    return f"{request.param}://models/llama/base", put_all


def observe(source, earlier=None, sleep=lambda seconds: None):
    return observe_files(BucketFiles(source, DOWNLOADED), 1, earlier, sleep)


def test_a_revision_has_the_files_that_downloading_it_gives(bucket, tmp_path):
    source, put = bucket
    put(checkpoint(shards=2) | EXTRA)
    found = observe(source)
    assert isinstance(found, Revision) and found.source == source
    downloaded = locate_weights(source, tmp_path)
    assert [(f.path, f.bytes, f.sha256) for f in found.files] == [
        (f.path, f.bytes, f.sha256) for f in digest_directory(downloaded).files
    ]
    assert locate_weights(source, tmp_path) == downloaded


def test_objects_that_are_replaced_are_another_revision_in_another_place(bucket, tmp_path):
    source, put = bucket
    put(checkpoint("one"))
    first, place = observe(source), locate_weights(source, tmp_path)
    assert observe(source, first) is first
    put(checkpoint("two"))
    second = observe(source, first)
    assert second.files != first.files
    assert locate_weights(source, tmp_path) != place and place.is_dir()


def test_an_upload_that_goes_on_is_not_taken_for_whole(bucket, tmp_path):
    source, put = bucket
    files = checkpoint(shards=2)
    shard = files.pop("model-00002-of-00002.safetensors")
    put(files)
    assert observe(source) == StillUploading(
        "shard model-00002-of-00002.safetensors of 1 is missing"
    )
    with pytest.raises(WeightsError, match="expected a whole checkpoint, but shard"):
        locate_weights(source, tmp_path)
    assert not [*(tmp_path / "buckets").iterdir()]
    put({"model-00002-of-00002.safetensors": shard})
    added = {"generation_config.json": b"{}"}
    assert isinstance(observe(source, sleep=lambda s: put(added)), StillUploading)
    assert isinstance(observe(source), Revision)


def test_a_prefix_without_weights_is_gone(bucket):
    source, put = bucket
    put({"notes.md": b""})
    with pytest.raises(GoneError, match=r"none of \d objects is a file of weights"):
        observe(source)
    with pytest.raises(GoneError):
        observe(source.replace("/base", "/other"))


def test_a_bucket_that_is_not_there_is_gone(bucket):
    source, put = bucket
    put({"notes.md": b""})
    with pytest.raises(GoneError):
        observe(source.replace("models", "elsewhere"))


def test_objects_that_change_during_the_download_are_not_kept(bucket, tmp_path, monkeypatch):
    source, put = bucket
    put(checkpoint("one"))
    download = BucketFiles.download

    def interrupted(files, path, to):
        download(files, path, to)
        put({"config.json": b'{"changed": true}'})

    monkeypatch.setattr(BucketFiles, "download", interrupted)
    with pytest.raises(WeightsError, match="expected files that stay as they are, got others"):
        locate_weights(source, tmp_path)
    assert not [*(tmp_path / "buckets").iterdir()]


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (401, SourceError, "GOOGLE_APPLICATION_CREDENTIALS"),
        (403, SourceError, "expected to be let in"),
    ],
)
def test_google_refusing_credentials_is_said(gcs, status, kind, said):
    body = json.dumps({"error": {"code": status, "message": "Anonymous caller"}}).encode()
    gcs.fail = status, {}, body
    with pytest.raises(kind, match=said):
        observe("gs://models/base")


def test_amazon_refusing_credentials_is_said(s3, monkeypatch):
    import fsspec

    def refused(*arguments, **options):
        raise PermissionError("The AWS Access Key Id you provided does not exist in our records.")

    filesystem = fsspec.filesystem("s3", skip_instance_cache=True)
    monkeypatch.setattr(type(filesystem), "find", refused)
    with pytest.raises(
        SourceError, match=r"does not exist in our records. Check AWS_ACCESS_KEY_ID"
    ):
        observe("s3://models/base")


def test_missing_credentials_are_said(s3, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(SourceError, match="Check AWS_ACCESS_KEY_ID"):
        observe("s3://models/base")


def test_amazon_asking_to_slow_down_is_a_rate_limit(s3, monkeypatch):
    import errno

    import fsspec

    def slow_down(*arguments, **options):
        raise OSError(errno.EBUSY, "Please reduce your request rate.")

    filesystem = fsspec.filesystem("s3", skip_instance_cache=True)
    monkeypatch.setattr(type(filesystem), "find", slow_down)
    with pytest.raises(RateLimitedError, match="the next look asks again"):
        observe("s3://models/base")


def test_a_full_disk_keeps_no_half_of_a_download(bucket, tmp_path, monkeypatch):
    source, put = bucket
    put(checkpoint())

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("configs.durable_files._sync", full)
    with pytest.raises(WeightsError, match=r"expected to keep it in .*No space left on device"):
        locate_weights(source, tmp_path)
    shutil.rmtree(tmp_path / "buckets")


@pytest.mark.parametrize(
    "name", ["../../outside.json", "sub/../../../outside.json", "/outside.json"]
)
def test_an_object_whose_name_leads_out_of_the_download_is_refused(monkeypatch, tmp_path, name):
    """Names of objects are free; clients of real storage pass them on as they are."""
    import fsspec

    memory = fsspec.filesystem("memory")
    files = BucketFiles("s3://models/base", DOWNLOADED)
    found = {f"models/base/{name}": {"size": 2, "ETag": "e"}}
    monkeypatch.setattr(memory, "find", lambda *a, **k: found, raising=False)
    files.__dict__["_filesystem"] = memory
    with pytest.raises(SourceError, match=r"outside\.json.*Find out who put it there"):
        files.listing()
