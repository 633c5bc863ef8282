"""Words the synthetic discharge letters are made of.

Does: list admissions by specialty, and sentences by section. Does not: build letters (discharge.py).
Pairs of diagnosis, treatment and drug are plausible at best and carry no medical advice.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Admission:
    """One reason to be in hospital: what may be said about it."""

    diagnosis: str
    complaints: tuple[str, ...]
    findings: tuple[str, ...]
    treatments: tuple[str, ...]
    complications: tuple[str, ...]
    clinics: tuple[str, ...]


ADMISSIONS: dict[str, tuple[Admission, ...]] = {
    "cardiology": (
        Admission(
            "inferior myocardial infarction",
            ("central chest pain", "chest tightness while shovelling snow", "jaw pain at rest"),
            (
                "ST elevation in II, III and aVF",
                "a troponin of 4,120 ng/L",
                "an occluded right coronary",
            ),
            ("stenting of the right coronary artery", "primary angioplasty", "thrombolysis"),
            ("a run of ventricular tachycardia", "a groin haematoma"),
            ("cardiac rehabilitation", "the cardiology clinic"),
        ),
        Admission(
            "decompensated heart failure",
            ("swollen legs", "breathlessness at night", "a weight gain of 7 kg"),
            ("an ejection fraction of 28%", "bilateral effusions", "an NT-proBNP of 8,900 ng/L"),
            ("intravenous furosemide", "a furosemide infusion", "cardiac resynchronisation"),
            ("acute kidney injury", "hypokalaemia"),
            ("the heart failure clinic", "the cardiology clinic"),
        ),
        Admission(
            "complete heart block",
            ("two falls at home", "collapse in the street", "dizzy spells"),
            (
                "a ventricular rate of 32",
                "atrioventricular dissociation",
                "long pauses on telemetry",
            ),
            ("a dual-chamber pacemaker", "temporary pacing and then a pacemaker"),
            ("a small pneumothorax", "lead displacement"),
            ("the pacing clinic", "the device clinic"),
        ),
    ),
    "respiratory": (
        Admission(
            "community-acquired pneumonia",
            ("a productive cough", "fever and confusion", "pleuritic pain on the left"),
            ("left lower lobe consolidation", "a CRP of 284", "pneumococcal antigen in urine"),
            ("intravenous co-amoxiclav", "benzylpenicillin and clarithromycin"),
            ("a parapneumonic effusion", "delirium"),
            ("the chest clinic", "a chest X-ray appointment"),
        ),
        Admission(
            "exacerbation of COPD",
            ("worsening wheeze", "more and greener sputum", "breathlessness on the stairs"),
            ("a pH of 7.29 with raised carbon dioxide", "hyperinflated lungs", "an FEV1 of 31%"),
            ("non-invasive ventilation", "nebulisers and prednisolone"),
            ("steroid-induced hyperglycaemia", "oral thrush"),
            ("pulmonary rehabilitation", "the COPD nurse"),
        ),
        Admission(
            "pulmonary embolism",
            ("sudden breathlessness", "sharp pain on breathing in", "a swollen left calf"),
            ("clot in both main arteries on CT", "right heart strain", "a D-dimer above 4,000"),
            ("low molecular weight heparin", "catheter-directed thrombolysis"),
            ("haemoptysis", "a bleed from the nose"),
            ("the thrombosis clinic", "the anticoagulation service"),
        ),
    ),
    "surgery": (
        Admission(
            "perforated appendicitis",
            (
                "pain that moved to the right iliac fossa",
                "vomiting and fever",
                "two days of belly pain",
            ),
            ("free fluid in the pelvis", "a white cell count of 19.4", "localised guarding"),
            ("laparoscopic appendicectomy", "open appendicectomy with washout"),
            ("a wound infection", "postoperative ileus"),
            ("the surgical clinic", "the practice nurse for clips"),
        ),
        Admission(
            "acute cholecystitis",
            ("right upper quadrant pain", "pain after a fatty meal", "rigors"),
            (
                "a thick-walled gallbladder with stones",
                "a positive Murphy sign",
                "a bilirubin of 41",
            ),
            ("laparoscopic cholecystectomy", "percutaneous drainage"),
            ("a bile leak", "a chest infection"),
            ("the surgical clinic", "the hepatobiliary clinic"),
        ),
        Admission(
            "small bowel obstruction",
            ("colicky pain and bloating", "no flatus for two days", "bilious vomiting"),
            ("dilated loops with a transition point", "tinkling bowel sounds", "a lactate of 3.1"),
            ("laparotomy and division of adhesions", "a nasogastric tube and fluids"),
            ("aspiration", "a short period of parenteral nutrition"),
            ("the colorectal clinic", "the dietitian"),
        ),
    ),
    "neurology": (
        Admission(
            "left middle cerebral artery stroke",
            ("sudden loss of speech", "weakness of the right arm", "a long lie on the floor"),
            ("early ischaemic change on CT", "an NIHSS of 14", "new atrial fibrillation"),
            ("thrombectomy", "alteplase within three hours"),
            ("aspiration pneumonia", "haemorrhagic transformation"),
            ("the stroke clinic", "community rehabilitation"),
        ),
        Admission(
            "first generalised seizure",
            ("a collapse at work", "a bitten tongue", "twitching seen by a colleague"),
            ("a normal MRI", "spike and wave on EEG", "a raised lactate that settled"),
            ("a loading dose of levetiracetam", "intravenous lorazepam"),
            ("a shoulder dislocation", "a second seizure on the ward"),
            ("the first-fit clinic", "the epilepsy nurse"),
        ),
        Admission(
            "bacterial meningitis",
            ("neck stiffness", "headache and photophobia", "drowsiness and a rash"),
            ("turbid spinal fluid", "Gram-positive diplococci", "a glucose ratio of 0.2"),
            ("ceftriaxone and dexamethasone", "intravenous ceftriaxone for ten days"),
            ("hearing loss on the left", "hyponatraemia"),
            ("audiology", "the infectious diseases clinic"),
        ),
    ),
    "medicine": (
        Admission(
            "diabetic ketoacidosis",
            ("vomiting and thirst", "three days of polyuria", "abdominal pain"),
            ("a pH of 7.05", "ketones of 6.8", "a glucose of 34"),
            ("a fixed-rate insulin infusion", "fluids and insulin by protocol"),
            ("hypokalaemia", "hypoglycaemia overnight"),
            ("the diabetes specialist nurse", "the diabetes clinic"),
        ),
        Admission(
            "upper gastrointestinal bleed",
            ("black stools", "vomiting of blood", "a faint in the bathroom"),
            ("a haemoglobin of 61", "a duodenal ulcer with a visible vessel", "a urea of 18"),
            ("endoscopic clipping", "adrenaline injection and transfusion of three units"),
            ("a rebleed on day two", "a transfusion reaction"),
            ("the gastroenterology clinic", "repeat endoscopy"),
        ),
        Admission(
            "urosepsis",
            ("rigors and loin pain", "new confusion", "a blocked catheter"),
            ("E. coli in blood cultures", "a lactate of 4.4", "hydronephrosis on ultrasound"),
            ("gentamicin and a nephrostomy", "intravenous meropenem"),
            ("acute kidney injury", "atrial fibrillation"),
            ("the urology clinic", "a renal function test at the practice"),
        ),
    ),
}

OPENING = (
    "This {age} year old {person} was admitted with {complaint}.",
    "{Complaint} brought this {age} year old {person} to us.",
    "A {person} of {age} came in through the emergency department because of {complaint}.",
    "Presented at the age of {age} with {complaint}; a {person} who {social}.",
)
BACKGROUND = (
    "Background: {past} and {other}.",
    "Past history includes {past}; {other} is also on record.",
    "Known for {past} and {other}; at home the patient {social}.",
)
FINDING = (
    "Investigations showed {finding}.",
    "There was {finding}.",
    "Work-up revealed {finding}.",
    "On admission we found {finding}.",
)
DIAGNOSIS = (
    "The diagnosis was {diagnosis}.",
    "We made a diagnosis of {diagnosis}.",
    "This was {diagnosis}.",
    "Findings were those of {diagnosis}.",
)
TREATMENT = (
    "Treatment was {treatment}.",
    "Treated by {treatment} on day {day}.",
    "The team opted for {treatment}, which went well.",
    "{Treatment} followed on the day after admission.",
)
COMPLICATION = (
    "The stay was complicated by {complication}.",
    "{Complication} set in on day {day} and was managed on the ward.",
    "Recovery was slowed by {complication}.",
)
NO_COMPLICATION = (
    "The further course was smooth.",
    "No complications arose.",
    "Recovery was uneventful.",
)
STARTED = (
    "{Drug} {dose} {frequency} was started.",
    "New on discharge: {drug} {dose} {frequency}.",
    "We added {drug} {dose} {frequency}.",
)
STOPPED = (
    "{Drug} was stopped because of {reason}.",
    "Please do not restart {drug} ({reason}).",
    "We withdrew {drug} in view of {reason}.",
)
STOPPED_WORDINGS = (
    "{drug} stopped",
    "{drug} was stopped",
    "stopped {drug}",
    "{drug} withdrawn",
    "{drug} was withdrawn",
    "{drug} discontinued",
)
CHANGED = (
    "{Drug} was changed to {dose} {frequency}.",
    "The dose of {drug} is now {dose} {frequency}.",
    "{Drug} continues at a new dose of {dose} {frequency}.",
)
REASONS = (
    "hypotension",
    "a rising creatinine",
    "bradycardia",
    "hyponatraemia",
    "bleeding",
    "a rash",
)
FOLLOW_UP = (
    "Follow-up is in {weeks} weeks at {clinic}.",
    "To be seen by {clinic} in {weeks} weeks.",
    "An appointment with {clinic} has been made in {weeks} weeks.",
)
NOISE = (
    "Mobilised with the physiotherapist from day {day}.",
    "Diet and fluids were tolerated.",
    "The family was kept informed.",
    "Swabs on admission were negative.",
    "Venous thromboembolism prophylaxis was given.",
    "Observations were stable for the last {day} days.",
    "Seen by the occupational therapist, who had no concerns.",
    "A urinary catheter was removed on day {day}.",
    "An incidental renal cyst needs no follow-up.",
    "Vaccination against influenza was offered.",
    "The pharmacist went through all medicines with them.",
    "Ferritin and vitamin B12 were within range.",
    "One night was spent on the high dependency unit.",
    "Discharge was put off by a day while transport was found.",
)
SOCIAL = (
    "lives alone", "lives with a partner", "is a retired teacher", "works nights", "stopped smoking",
    "keeps two dogs", "is the carer of a sister", "lives in sheltered housing",
)  # fmt: skip
HEADINGS = (
    ("History", "Findings", "Course", "Medication", "Plan"),
    ("PC", "Ix", "Hospital course", "Meds on discharge", "Follow up"),
    ("Reason for admission", "Results", "Treatment and progress", "Changes to medicines", "Next steps"),
)  # fmt: skip
SUMMARIES = (
    "Admitted with {diagnosis}, treated with {treatment}{complication}. {changes} {follow_up}",
    "{Diagnosis}: {treatment}{complication}. {changes} {follow_up}",
    "Hospital stay for {diagnosis}. Management: {treatment}{complication}. {changes} {follow_up}",
)
