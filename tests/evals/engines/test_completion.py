from evals.engines.completion import prompt_digest

MESSAGES = [{"role": "user", "content": "Wunde näht: 2 cm"}]


def test_digest_ignores_the_order_of_keys_in_a_message():
    turned = [{"content": "Wunde näht: 2 cm", "role": "user"}]
    assert prompt_digest(MESSAGES, 64) == prompt_digest(turned, 64)


def test_digest_depends_on_text_and_token_limit():
    digests = {
        prompt_digest(MESSAGES, 64),
        prompt_digest(MESSAGES, 65),
        prompt_digest([{"role": "user", "content": "Wunde näht: 3 cm"}], 64),
        prompt_digest([{"role": "system", "content": "Wunde näht: 2 cm"}], 64),
    }
    assert len(digests) == 4


def test_digest_never_changes_because_recordings_are_kept_under_it():
    expected = "sha256:6d4a5ba0993e13c5cf8bb9f48cc9e597c9891794823eece9bb70a3d1e09fcc4b"
    assert prompt_digest(MESSAGES, 64) == expected
