from finetune.calibration import calibration_texts


def test_calibration_texts_are_prompt_and_right_answer_in_the_models_own_template(
    base_dir, rows, task
):
    texts = calibration_texts(base_dir, rows[:2], task)
    assert texts == [
        "<|system|>JSON.<|end|><|user|>0 has fever.<|end|>"
        '<|assistant|>{"problems": ["fever"]}<|end|>',
        "<|system|>JSON.<|end|><|user|>so 1 has gout.<|end|>"
        '<|assistant|>{"problems": ["gout"]}<|end|>',
    ]
