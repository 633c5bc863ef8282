"""Words the synthetic notes are made of.

Does: list real generic drug names (split into seen and unseen by training), problems, allergens,
adverse events, routes and doses. Does not: build sentences (see notes.py).
No list is a formulary: pairs of drug, dose and route are arbitrary and carry no medical advice.
"""

from __future__ import annotations

SEEN_DRUGS: tuple[str, ...] = tuple(
    """amlodipine atorvastatin azathioprine baclofen bisoprolol bumetanide candesartan carvedilol
    cephalexin citalopram clonidine codeine diazepam digoxin diltiazem donepezil doxazosin
    duloxetine enalapril escitalopram ezetimibe famotidine felodipine fexofenadine fluoxetine
    furosemide gabapentin gliclazide haloperidol hydralazine ibuprofen indapamide irbesartan
    ketoconazole labetalol lamotrigine lansoprazole levetiracetam linagliptin lisinopril loratadine
    lorazepam losartan melatonin memantine metformin methotrexate metoprolol mirtazapine montelukast
    morphine naproxen nifedipine nitrofurantoin olanzapine omeprazole ondansetron oxybutynin
    pantoprazole paroxetine perindopril phenytoin pioglitazone pravastatin prednisolone pregabalin
    propranolol quetiapine ramipril ranitidine risperidone rosuvastatin salbutamol senna sertraline
    simvastatin sitagliptin solifenacin spironolactone sumatriptan tamsulosin temazepam theophylline
    tolterodine topiramate tramadol trazodone trimethoprim valsartan venlafaxine verapamil warfarin
    zopiclone""".split()
)

UNSEEN_DRUGS: tuple[str, ...] = tuple(
    """abatacept acarbose allopurinol amiodarone apixaban aripiprazole azilsartan benazepril
    budesonide bupropion canagliflozin carbimazole celecoxib chlorthalidone cinacalcet colchicine
    dabigatran dapagliflozin desloratadine edoxaban eplerenone febuxostat finasteride glimepiride
    hydroxyzine ivabradine lacosamide leflunomide lurasidone mesalazine methimazole mirabegron
    moxonidine nebivolol nortriptyline oxcarbazepine prasugrel primidone ranolazine rasagiline
    rivaroxaban ropinirole sacubitril tadalafil telmisartan ticagrelor torasemide vortioxetine
    zonisamide""".split()
)

PROBLEMS: tuple[str, ...] = (
    "type 2 diabetes", "hypertension", "heart failure", "atrial fibrillation", "asthma", "COPD",
    "chronic kidney disease", "hypothyroidism", "osteoarthritis", "rheumatoid arthritis", "gout",
    "migraine", "epilepsy", "depression", "anxiety", "bipolar disorder", "schizophrenia",
    "Parkinson disease", "iron deficiency anaemia", "pneumonia", "cellulitis",
    "urinary tract infection", "pulmonary embolism", "deep vein thrombosis", "ischaemic stroke",
    "angina", "peripheral neuropathy", "gastro-oesophageal reflux", "peptic ulcer disease",
    "ulcerative colitis", "cirrhosis", "psoriasis", "eczema", "osteoporosis", "glaucoma",
    "hyperlipidaemia", "obesity", "sleep apnoea", "benign prostatic hyperplasia", "sepsis",
)  # fmt: skip

ALLERGENS: tuple[str, ...] = (
    "penicillin", "latex", "sulfonamides", "peanuts", "shellfish", "iodine contrast", "aspirin",
    "eggs", "cephalosporins", "adhesive tape", "bee venom", "erythromycin",
)  # fmt: skip

ADVERSE_EVENTS: tuple[str, ...] = (
    "rash", "dry cough", "nausea", "vomiting", "diarrhoea", "constipation", "dizziness",
    "hypotension", "bradycardia", "ankle swelling", "angioedema", "hyponatraemia", "hyperkalaemia",
    "hypoglycaemia", "drowsiness", "insomnia", "tremor", "muscle pain", "raised liver enzymes",
    "gastrointestinal bleeding", "headache", "dry mouth", "palpitations", "itching",
)  # fmt: skip

DOSES: tuple[str, ...] = (
    "1 mg", "2 mg", "2.5 mg", "4 mg", "5 mg", "7.5 mg", "8 mg", "10 mg", "12.5 mg", "15 mg",
    "16 mg", "20 mg", "25 mg", "30 mg", "40 mg", "50 mg", "60 mg", "75 mg", "80 mg", "100 mg",
    "120 mg", "150 mg", "200 mg", "250 mg", "300 mg", "400 mg", "500 mg", "850 mg", "1 g",
    "50 mcg", "100 mcg", "125 mcg",
)  # fmt: skip

ROUTE_PHRASES: dict[str, tuple[str, ...]] = {
    "oral": ("by mouth", "orally", "PO", "as a tablet"),
    "intravenous": ("intravenously", "IV", "by slow infusion", "into a vein"),
    "subcutaneous": ("subcutaneously", "SC", "under the skin"),
    "inhaled": ("by inhaler", "inhaled", "via spacer"),
    "topical": ("topically", "as a cream", "to the skin"),
    "rectal": ("rectally", "PR", "as a suppository"),
}

FREQUENCIES: tuple[str, ...] = (
    "once daily", "twice daily", "three times a day", "every morning", "at night", "every 6 hours",
    "every 12 hours", "once a week", "as needed", "with meals",
)  # fmt: skip

RELATIVES: tuple[str, ...] = ("mother", "father", "sister", "brother", "grandmother", "uncle")

_ONSETS = ("b", "br", "c", "cl", "d", "dr", "f", "fl", "g", "gl", "h", "j", "k", "l", "m", "n", "p",
           "pr", "qu", "r", "s", "st", "t", "tr", "v", "x", "z")  # fmt: skip
_VOWELS = ("a", "e", "i", "o", "u", "ia", "io", "eo", "y")
_CODAS = ("", "", "", "l", "m", "n", "r", "s", "x", "t", "d")
_SUFFIXES = ("pril", "sartan", "olol", "statin", "mab", "nib", "azole", "cillin", "mycin", "dipine",
             "gliptin", "flozin", "tidine", "prazole", "zepam", "oxetine", "amine", "idine",
             "one", "ine", "ide", "ate", "in", "ol", "il", "an", "ir", "um")  # fmt: skip


def invented_drug_name(rng) -> str:  # type: ignore[no-untyped-def]
    """Make a pronounceable drug-like word that names no drug above.

    Args:
        rng: a `random.Random`; the only source of randomness.
    Returns:
        A lower-case word of 6-14 letters.
    """
    real = {*SEEN_DRUGS, *UNSEEN_DRUGS}
    while True:
        syllables = rng.randint(1, 3)
        stem = "".join(
            rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS) for _ in range(syllables)
        )
        name = stem + rng.choice(_SUFFIXES)
        if 6 <= len(name) <= 14 and name not in real:
            return name
