"""Words the synthetic guidelines are made of.

Does: list what a guideline may lay down, how it says so and how one may ask. Does not: build rows
(guidelines.py). The rules are made up; none is medical advice.
"""

from __future__ import annotations

from dataclasses import dataclass

from finetune.synthetic.vocabulary import ADVERSE_EVENTS, DOSES, FREQUENCIES, PROBLEMS


@dataclass(frozen=True)
class Rule:
    """One kind of rule: its values, sentences that lay a value down, and questions for it."""

    name: str
    values: tuple[str, ...]
    sentences: tuple[str, ...]
    questions: tuple[str, ...]


RULES: tuple[Rule, ...] = (
    Rule(
        "starting dose",
        DOSES,
        (
            "Start {drug} at {value}.",
            "Treatment with {drug} begins with {value}.",
            "The first dose of {drug} is {value} in adults.",
        ),
        (
            "What is the starting dose of {drug}?",
            "With which dose does one begin {drug}?",
            "How much {drug} is given at first?",
        ),
    ),
    Rule(
        "maximum dose",
        DOSES,
        (
            "Do not exceed {value} of {drug} per day.",
            "The daily maximum of {drug} is {value}.",
            "No more than {value} of {drug} may be given in 24 hours.",
        ),
        (
            "What is the highest daily dose of {drug}?",
            "How much {drug} may be given per day at most?",
            "Up to which daily dose may {drug} be raised?",
        ),
    ),
    Rule(
        "frequency",
        FREQUENCIES,
        (
            "{Drug} is to be taken {value}.",
            "Patients take {drug} {value}.",
            "Prescribe {drug} {value}, at regular times.",
        ),
        (
            "How often is {drug} taken?",
            "When is {drug} to be taken?",
            "What is the dosing schedule of {drug}?",
        ),
    ),
    Rule(
        "monitoring test",
        (
            "serum potassium",
            "liver enzymes",
            "full blood count",
            "creatinine clearance",
            "thyroid function",
            "an electrocardiogram",
            "blood pressure standing and lying",
            "serum sodium",
            "creatine kinase",
            "bone density",
        ),
        (
            "Check {value} before {drug} is prescribed again.",
            "While on {drug}, patients need {value} at every review.",
            "Monitoring of {drug} consists of {value}.",
        ),
        (
            "Which test monitors treatment with {drug}?",
            "What has to be checked while a patient takes {drug}?",
            "What does monitoring of {drug} consist of?",
        ),
    ),
    Rule(
        "review interval",
        tuple(f"every {n} {unit}" for n in (2, 3, 4, 6, 8, 10) for unit in ("weeks", "months")),
        (
            "Review patients on {drug} {value}.",
            "Those who take {drug} are seen {value}.",
            "Appointments for {drug} take place {value}.",
        ),
        (
            "At which interval are patients on {drug} reviewed?",
            "How often do patients on {drug} have to be seen?",
            "What is the interval between reviews of {drug}?",
        ),
    ),
    Rule(
        "contraindication",
        PROBLEMS,
        (
            "{Drug} must not be given to people with {value}.",
            "Avoid {drug} in {value}.",
            "{Value} is a contraindication to {drug}.",
        ),
        (
            "Which condition rules {drug} out?",
            "What is a contraindication to {drug}?",
            "In whom must {drug} be avoided?",
        ),
    ),
    Rule(
        "reason to stop",
        ADVERSE_EVENTS,
        (
            "Stop {drug} at once if {value} occurs.",
            "{Value} is a reason to withdraw {drug}.",
            "Discontinue {drug} in case of {value}.",
        ),
        (
            "Which side effect is a reason to stop {drug}?",
            "When must {drug} be stopped?",
            "What side effect ends treatment with {drug}?",
        ),
    ),
    Rule(
        "duration",
        tuple(f"{n} {unit}" for n in (5, 7, 10, 14, 21) for unit in ("days", "weeks")),
        (
            "A course of {drug} lasts {value}.",
            "Give {drug} for {value} and then reassess.",
            "Treatment with {drug} ends after {value}.",
        ),
        (
            "How long is {drug} given?",
            "What is the length of a course of {drug}?",
            "After which time does treatment with {drug} end?",
        ),
    ),
    Rule(
        "prescriber",
        (
            "a consultant cardiologist",
            "any prescriber of the practice",
            "the pain team",
            "a specialist nurse",
            "the renal unit",
            "a psychiatrist",
            "two doctors together",
            "the pharmacist on duty",
        ),
        (
            "{Drug} may only be started by {value}.",
            "The decision for {drug} is made by {value}.",
            "First prescriptions of {drug} come from {value}.",
        ),
        (
            "Who may start {drug}?",
            "Who decides on {drug}?",
            "By whom is {drug} first prescribed?",
        ),
    ),
    Rule(
        "storage",
        (
            "in a locked cupboard",
            "between 2 and 8 degrees",
            "below 25 degrees",
            "away from light",
            "in the emergency trolley",
            "in its original bottle",
        ),
        (
            "{Drug} is kept {value}.",
            "Store {drug} {value}.",
            "On the ward, {drug} belongs {value}.",
        ),
        (
            "Where or how is {drug} stored?",
            "How is {drug} to be kept?",
            "What are the storage conditions of {drug}?",
        ),
    ),
)

REMARKS = (
    "This section was revised after the audit of {number} wards.",
    "Local formularies may differ.",
    "Evidence is graded as moderate.",
    "Document the discussion with the patient.",
    "See appendix {number} for patient leaflets.",
    "Interpreters are available on request.",
    "The committee met {number} times about this point.",
    "In pregnancy, seek advice.",
    "Adverse reactions are reported online.",
    "Comments may be sent until the end of the month.",
)
