from evals.engines.completion import Decoding, prompt_digest

MESSAGES = [{"role": "user", "content": "Wunde näht: 2 cm"}]
FREE = Decoding(max_new_tokens=64)


def test_digest_ignores_the_order_of_keys_in_a_message():
    turned = [{"content": "Wunde näht: 2 cm", "role": "user"}]
    assert prompt_digest(MESSAGES, FREE) == prompt_digest(turned, FREE)


def test_digest_depends_on_text_and_token_limit():
    digests = {
        prompt_digest(MESSAGES, FREE),
        prompt_digest(MESSAGES, Decoding(max_new_tokens=65)),
        prompt_digest([{"role": "user", "content": "Wunde näht: 3 cm"}], FREE),
        prompt_digest([{"role": "system", "content": "Wunde näht: 2 cm"}], FREE),
    }
    assert len(digests) == 4


def test_digest_never_changes_because_recordings_are_kept_under_it():
    expected = "sha256:6d4a5ba0993e13c5cf8bb9f48cc9e597c9891794823eece9bb70a3d1e09fcc4b"
    assert prompt_digest(MESSAGES, FREE) == expected


def test_digest_depends_on_schema_on_the_order_of_its_properties_and_on_stop_strings():
    def schema(*names):
        return {"type": "object", "properties": {name: {"type": "string"} for name in names}}

    decodings = [
        FREE,
        Decoding(max_new_tokens=64, json_schema=schema("a", "b")),
        Decoding(max_new_tokens=64, json_schema=schema("b", "a")),
        Decoding(max_new_tokens=64, stop=("\n",)),
        Decoding(max_new_tokens=64, stop=("\n", "}")),
    ]
    assert len({prompt_digest(MESSAGES, decoding) for decoding in decodings}) == 5
