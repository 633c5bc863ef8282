"""What is checked about the data before training and evaluation, and what happens then.

Does: hold and validate the policy. Does not: look at data (finetune/data_checks/).
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from configs.strict_model import StrictModel

Action = Literal["refuse", "warn", "off"]
Share = Annotated[float, Field(gt=0, le=1)]
MOST_DRIFT_TESTS = 5
Excess = Annotated[float, Field(ge=0, lt=1)]


class NearDuplicates(StrictModel):
    """Evaluation texts that are almost a training text."""

    action: Action = "warn"
    """`refuse`: training does not start. `warn`: the rows are named. `off`: not looked for."""

    jaccard: Share = 0.8
    """Smallest Jaccard similarity of two texts' sets of shingles, a fraction; 1 is the same words.
    0.8 is what Lee et al. 2022 use (arXiv 2107.06499)."""

    shingle_words: int = Field(default=3, ge=1, le=13)
    """Words per shingle. In a text of 30 words one changed word takes the similarity to about 0.8
    with shingles of 3 words and to about 0.7 with shingles of 5, the choice for web pages."""

    hashes: int = Field(default=128, ge=16, le=1024)
    """Hash functions of MinHash. Candidates are verified exactly, so they only change how rarely a
    pair is missed."""


class Contained(StrictModel):
    """Evaluation texts that stand inside a longer training text."""

    action: Action = "warn"
    """`refuse`, `warn` or `off`."""

    ngram_words: int = Field(default=13, ge=8, le=50)
    """Words that must be the same in a row. Texts of 8 words up to this many are looked for whole,
    shorter ones not at all, as for GPT-3 (Brown et al. 2020, arXiv 2005.14165, appendix C)."""

    share: Share = 0.8
    """Smallest share of an evaluation text's words that such n-grams of one training text cover; Llama
    2 calls this dirty (arXiv 2307.09288, A.6). Any one n-gram would blame stock phrases."""


class PromptExamples(StrictModel):
    """Evaluation texts that stand in the prompt's instructions or few-shot examples."""

    action: Action = "refuse"
    """`refuse`, `warn` or `off`."""

    shingle_words: int = Field(default=3, ge=2, le=13)
    """Words per shingle."""

    share: Share = 0.8
    """Smallest share of an evaluation text's shingles that the instructions contain. Texts shorter
    than eight words count only where they are a whole few-shot example."""


class LabelSaid(StrictModel):
    """Classification rows that say their own label, and no other, in so many words."""

    action: Action
    """`refuse`, `warn` or `off`."""

    excess: Excess
    """Largest share of rows that may say their own label, beyond what it would be if labels and
    texts had nothing to do with each other. Acted on when the lower end of the interval is above."""


class GoldInInstructions(StrictModel):
    """Gold strings of evaluation documents in the instructions."""

    action: Action = "warn"
    """`refuse`, `warn` or `off`."""

    min_characters: int = Field(default=4, ge=1)
    """Shorter gold strings are not looked for: they occur in any prose."""

    alpha: float = Field(default=0.01, gt=0, lt=0.5)
    """Level of the test that evaluation documents are hit more often than training documents."""


class FewGoldItems(StrictModel):
    """Classes or fields that the evaluation split has too few of."""

    action: Action = "warn"
    """`refuse`, `warn` or `off`."""

    min_items: int = Field(default=30, ge=1)
    """Fewest gold items per class or field. With 30 the interval of a recall of 0.5 is 0.31 to 0.69
    wide, and wider when items share documents."""


class Majority(StrictModel):
    """Evaluation rows that one fixed answer gets right."""

    action: Action = "warn"
    """`refuse`, `warn` or `off`."""

    share: Share = 0.9
    """Largest share of evaluation rows that the most common training answer may get right."""


class Drift(StrictModel):
    """Training and evaluation documents that do not come from one distribution.

    A test acts only when it is significant after Holm's correction over the tests and its effect is
    at least as large as set here: with many documents trifles are significant too. Documents are
    what is sampled, however many rows they have.
    """

    action: Action = "warn"
    """`refuse`, `warn` or `off`."""

    alpha: float = Field(default=0.01, gt=0, lt=0.5)
    """Chance that data without drift raise any warning, over all tests."""

    length_ks: Excess = 0.2
    """Kolmogorov-Smirnov distance of documents' lengths, 0 to 1."""

    labels_tv: Excess = 0.1
    """Total variation distance of classes or fields, 0 to 1, beyond what chance gives."""

    vocabulary_js: Excess = 0.05
    """Jensen-Shannon distance (base 2) of words, 0 to 1, beyond what chance gives."""

    unseen_words: Excess = 0.02
    """Share of evaluation words that training never shows, beyond what chance gives."""

    classifier_auc: float = Field(default=0.7, ge=0.5, lt=1)
    """Area under the ROC curve with which a linear classifier tells the two apart; 0.5 is chance."""

    permutations: int = Field(default=999, ge=99, le=100_000)
    """Random re-divisions of the documents; no p-value is below 1 / (permutations + 1)."""

    max_documents: int = Field(default=2000, ge=20)
    """Documents per side; of more, a seeded sample is tested."""

    @model_validator(mode="after")
    def _can_be_significant(self) -> Drift:
        needed = math.ceil(MOST_DRIFT_TESTS / self.alpha) - 1
        if self.action != "off" and self.permutations < needed:
            raise ValueError(
                f"permutations: expected at least {needed} for an alpha of {self.alpha:g} over "
                f"{MOST_DRIFT_TESTS} tests, got {self.permutations}; with fewer nothing is ever found"
            )
        return self


class DataChecks(StrictModel):
    """The policy: each check refuses, warns or is off."""

    exact_duplicates: Action = "refuse"
    """Evaluation rows whose document or text is in training or validation, case and white space
    aside."""

    near_duplicates: NearDuplicates = NearDuplicates()
    """Almost equal texts."""

    contained: Contained = Contained()
    """Texts inside longer ones."""

    repeated_texts: Action = "warn"
    """Equal or almost equal texts in several evaluation documents, which are then not independent:
    intervals come out too narrow."""

    conflicting_targets: Action = "warn"
    """Equal texts with different targets: no system can get all of them right."""

    prompt_examples: PromptExamples = PromptExamples()
    """Evaluation texts in the instructions."""

    target_in_prompt: Action = "refuse"
    """Prompts that name the field `target`, or whose text contains the whole answer: the JSON object
    of an extraction, or a summary of eight words or more."""

    label_in_fields: LabelSaid = LabelSaid(action="refuse", excess=0.1)
    """Row fields other than the text, such as an id, that reach the prompt and say the label."""

    label_in_text: LabelSaid = LabelSaid(action="warn", excess=0.5)
    """Texts that say their label: looking for the word may do as well as reading."""

    gold_in_instructions: GoldInInstructions = GoldInInstructions()
    """Instructions written with a view to the evaluation documents."""

    unseen_classes: Action = "warn"
    """Classes or fields of evaluation that training never shows."""

    few_gold_items: FewGoldItems = FewGoldItems()
    """Classes or fields too rare to be measured."""

    majority: Majority = Majority()
    """One answer that is nearly always right."""

    drift: Drift = Drift()
    """Differences in distribution."""

    shown_ids: int = Field(default=10, ge=1, le=1000)
    """How many ids a finding lists; it always counts all."""

    seed: int = Field(default=17, ge=0)
    """Seed of hashing, permutations and samples."""
