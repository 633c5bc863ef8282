"""Every kind of task goes through fine-tuning's own forms."""

import pytest

from configs.load import load_task
from finetune.data import row_from_mapping
from finetune.synthetic.generators import GENERATORS, generate_rows
from finetune.train import prompt_completion


@pytest.mark.parametrize("name", GENERATORS)
def test_a_training_example_is_the_evaluated_prompt_with_the_right_answer(name):
    task = load_task(name)
    for content in generate_rows(name, "train", 5, 3):
        example = prompt_completion(row_from_mapping(content, task), task)
        assert example["prompt"] == task.messages(content)
        assert example["completion"] == [
            {"role": "assistant", "content": task.answer(content["target"])}
        ]
