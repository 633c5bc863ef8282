import errno
import os

import pytest

from configs.errors import TrainingError, WeightsError
from finetune.write_failures import named_write_failures


def failure(error, kind=WeightsError):
    with pytest.raises(Exception) as raised, named_write_failures("model", kind, "Free space."):
        raise error
    return raised.value


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_named_with_the_cure(number):
    error = failure(OSError(number, os.strerror(number)))
    assert str(error) == "model: expected to write it, but the disk is full. Free space."


def test_the_error_is_of_the_wanted_kind():
    full = OSError(errno.ENOSPC, "No space left on device")
    assert type(failure(full, TrainingError)) is TrainingError


@pytest.mark.parametrize("library", ["safetensors", "torch"])
def test_a_full_disk_is_recognised_whichever_library_writes(library, tmp_path, file_size_limit):
    import torch
    from safetensors.torch import save_file

    save = save_file if library == "safetensors" else torch.save
    with (
        file_size_limit(1000),
        pytest.raises(WeightsError, match="the disk is full"),
        named_write_failures("model", WeightsError, "Free space."),
    ):
        save({"w": torch.zeros(10_000)}, str(tmp_path / "w"))


def test_a_disk_that_may_not_be_written_to_is_no_full_disk():
    error = failure(PermissionError(errno.EACCES, "Permission denied", "/models"))
    assert "but got: [Errno 13] Permission denied: '/models'" in str(error)


@pytest.mark.parametrize(
    "error",
    [ConnectionRefusedError(errno.ECONNREFUSED, "refused"), RuntimeError("shape"), KeyError()],
)
def test_what_is_no_write_failure_passes_unchanged(error):
    assert failure(error) is error
