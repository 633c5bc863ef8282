from hypothesis import given
from hypothesis import strategies as st

from configs.canonical_json import canonical_json, digest_json

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc"), inner, max_size=4),
)


def reversed_keys(value):
    if isinstance(value, dict):
        return {key: reversed_keys(value[key]) for key in reversed(value)}
    return [reversed_keys(item) for item in value] if isinstance(value, list) else value


@given(json_values)
def test_the_order_of_keys_does_not_change_the_digest_of_json(value):
    assert digest_json(reversed_keys(value)) == digest_json(value)


def test_different_json_has_different_digests():
    values = [
        None,
        True,
        1,
        1.0,
        "1",
        "",
        [],
        {},
        [1],
        {"a": 1},
        {"a": {"b": 1}},
        {"a": {"b": "1"}},
    ]
    assert len({digest_json(value) for value in values}) == len(values)


def test_the_digest_is_the_published_sha256_of_the_text():
    assert canonical_json({"b": None, "a": [1, "é"]}) == '{"a":[1,"é"],"b":null}'
    # printf '{"a":[1,"é"],"b":null}' | sha256sum
    assert digest_json({"b": None, "a": [1, "é"]}) == (
        "sha256:1e02bc81a26af2f027329541e97eef36f3290bedc6dfe043dbe66b057ecb13ba"
    )
