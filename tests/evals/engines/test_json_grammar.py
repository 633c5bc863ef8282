import json
from pathlib import Path

import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import configs
from configs.errors import EngineError
from evals.engines.json_grammar import JsonGrammar

SHIPPED = Path(configs.__file__).parent
END = 1
SCHEMA = {
    "type": "object", "additionalProperties": False, "required": ["b", "a"],
    "properties": {
        "b": {"type": "array", "items": {
            "type": "object", "additionalProperties": False, "required": ["drug"],
            "properties": {"drug": {"type": "string"}, "dose": {"type": ["string", "null"]}}}},
        "a": {"type": "integer"},
        "c": {"enum": ["yes", "no"]},
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def tokenizer():
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(SHIPPED / "models" / "tiny-clinical")


@pytest.fixture(scope="module")
def grammar(tokenizer):
    return JsonGrammar(SCHEMA, tokenizer, [END], len(tokenizer))


def forced(constraint, tokens, vocabulary):
    """What the constraint makes of a model that is sure of these tokens."""
    for token in tokens:
        logits = torch.zeros(vocabulary)
        logits[token] = 1
        yield constraint.choose(logits, token)


text = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)
items = st.fixed_dictionaries({"drug": text}, optional={"dose": text | st.none()})
values = st.fixed_dictionaries(
    {"b": st.lists(items, max_size=3), "a": st.integers(-(10**9), 10**9)},
    optional={"c": st.sampled_from(["yes", "no"])},
)


@settings(deadline=None)
@given(values)
def test_the_text_that_fine_tuning_teaches_is_let_through(grammar, tokenizer, value):
    ordered = {name: value[name] for name in ("b", "a", "c") if name in value}
    ordered["b"] = [{n: i[n] for n in ("drug", "dose") if n in i} for i in value["b"]]
    taught = json.dumps(ordered, ensure_ascii=False)
    tokens = tokenizer(taught, add_special_tokens=False)["input_ids"]
    constraint = grammar.start()
    assert list(forced(constraint, tokens, len(tokenizer))) == tokens
    assert list(forced(constraint, [END], len(tokenizer))) == [END] or constraint.complete


@pytest.mark.parametrize(
    ("written", "next_text"),
    [('{"b": []', "}"), ('{"b": [], "a": 1', '"'), ("", "["), ('{"', "a"), ('{"b":', "[")],
    ids=["a property is missing", "nothing opens a string", "no object", "wrong order", "no space"],
)
def test_what_the_schema_or_the_format_forbids_is_replaced(grammar, tokenizer, written, next_text):
    def tokens(text):
        return tokenizer(text, add_special_tokens=False)["input_ids"]

    constraint = grammar.start()
    assert list(forced(constraint, tokens(written), len(tokenizer))) == tokens(written)
    [wanted] = tokens(next_text)
    [chosen] = forced(constraint, [wanted], len(tokenizer))
    assert chosen != wanted


def test_the_best_of_the_allowed_tokens_is_chosen(grammar, tokenizer):
    constraint = grammar.start()
    # After the opening brace only the name of the first property may follow.
    [brace] = tokenizer('{"', add_special_tokens=False)["input_ids"]
    list(forced(constraint, [brace], len(tokenizer)))
    logits = torch.linspace(1, 0, len(tokenizer))
    assert tokenizer.decode([constraint.choose(logits, 0)]).startswith("b")


def test_it_is_complete_when_nothing_may_follow(tokenizer):
    constraint = JsonGrammar({"enum": ["yes", "no"]}, tokenizer, [END], len(tokenizer)).start()
    tokens = tokenizer('"yes"', add_special_tokens=False)["input_ids"]
    for token in forced(constraint, tokens[:-1], len(tokenizer)):
        assert token in tokens
        assert not constraint.complete
    list(forced(constraint, tokens[-1:], len(tokenizer)))
    assert constraint.complete


def test_a_tokenizer_with_a_chain_of_decoders_is_followed(tokenizer):
    """As one that was converted from GGUF has."""
    from tokenizers import decoders

    chained = type(tokenizer).from_pretrained(SHIPPED / "models" / "tiny-clinical")
    chained.backend_tokenizer.decoder = decoders.Sequence(
        [decoders.ByteFallback(), decoders.Fuse(), decoders.ByteLevel()]
    )
    constraint = JsonGrammar(SCHEMA, chained, [END], len(tokenizer)).start()
    tokens = tokenizer('{"b": [{"drug": "x y"}], "a": 1}', add_special_tokens=False)["input_ids"]
    assert list(forced(constraint, tokens, len(tokenizer))) == tokens


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        ({"type": "array", "uniqueItems": True, "items": {}}, "uniqueItems"),
        ({"type": "string", "pattern": "(?=a)b"}, "look-ahead"),
        ({"$ref": "http://example.org/schema"}, "example.org"),
    ],
    ids=["keyword", "regular expression", "reference"],
)
def test_what_cannot_be_enforced_is_named(tokenizer, schema, named):
    with pytest.raises(EngineError, match=rf"json_schema: .*{named}"):
        JsonGrammar(schema, tokenizer, [END], len(tokenizer))


@pytest.mark.parametrize("path", sorted((SHIPPED / "tasks").glob("*.yaml")), ids=lambda p: p.stem)
def test_the_schema_of_every_shipped_task_can_be_enforced(tokenizer, path):
    schema = yaml.safe_load(path.read_text()).get("output_schema", {"type": "string"})
    assert JsonGrammar(schema, tokenizer, [END], len(tokenizer)).start()
