"""Words the synthetic messages to a practice are made of.

Does: list concerns by queue, and sentences by channel. Does not: build messages (messages.py).
"""

from __future__ import annotations

CHANNELS = ("portal", "e-mail", "phone")
PEOPLE = ("self", "self", "self", "my daughter", "my son", "my mother", "my husband", "my wife")

CONCERNS: dict[str, tuple[str, ...]] = {
    "emergency": (
        "crushing chest pain spreading into the left arm",
        "a drooping face and slurred speech",
        "breathlessness so bad that talking is impossible",
        "the worst headache ever, which came within seconds",
        "a swollen tongue and throat after a wasp sting",
        "bright red blood with every cough",
        "weakness of the whole right side",
        "a seizure that has not stopped",
        "chest tightness with a cold sweat",
        "blue lips and grunting breaths",
        "a purple rash that does not fade under a glass, with a stiff neck",
        "bleeding that soaks through every towel",
        "thoughts of suicide with a plan for tonight",
        "numbness below the waist after a fall",
        "stomach cramps after a whole packet of paracetamol",
        "fainting twice with a racing heart",
        "sudden loss of sight in one eye",
        "a burn over half of the chest",
    ),
    "urgent": (
        "a fever of 39.5 with shaking chills",
        "a hot, swollen and painful calf",
        "burning when passing water and pain in the flank",
        "vomiting after every sip of water",
        "a wound that is red and oozing pus",
        "flashes and floaters in one eye",
        "sugar readings above 20",
        "a spreading red streak up the forearm",
        "severe pain in the ear with discharge",
        "a swollen, burning hot elbow joint",
        "hardly any urine for a whole day",
        "palpitations that come and go",
        "pain in the lower right of the belly",
        "a face full of blisters near the eye",
        "an asthma flare that needs the reliever every two hours",
        "a badly twisted ankle that takes no weight",
        "yellow skin and dark urine",
        "a bite from a stray dog that broke the skin",
    ),
    "routine": (
        "a dry patch of skin on the elbow",
        "stiff knees in the mornings",
        "trouble falling asleep",
        "heartburn after spicy meals",
        "a wart on the thumb",
        "a blocked nose whenever the grass is cut",
        "some tiredness by the evening",
        "a faint ringing in the ears",
        "a toenail that has turned yellow",
        "mild lower back ache after gardening",
        "hair that is getting thinner",
        "a mole that looks the same as ever but bothers on the collar",
        "bloating after dairy",
        "a clicking jaw",
        "cold fingers in the winter",
        "a snoring problem",
        "cracked heels",
        "a small painless lump under the skin of the back",
    ),
    "medication": (
        "a repeat of {drug} {dose}",
        "another month of {drug}, as only {number} tablets are left",
        "a different brand of {drug} because the pharmacy has none",
        "the {drug} prescription to be sent to the pharmacy at the station",
        "advice on whether {drug} is to be taken with food",
        "{drug} as a liquid instead of tablets",
        "a review of {drug}, now that {dose} has been taken for {number} weeks",
        "{number} days of {drug} to take abroad",
        "the dose of {drug} on the label, which has rubbed off",
        "help with a missed dose of {drug} on {day}",
        "the refill of {drug} that was due on {day}",
        "a word on whether {drug} goes together with grapefruit",
    ),
    "administrative": (
        "a sick note for {number} days",
        "a copy of the blood results of {month}",
        "another date for the appointment on {day}",
        "a letter for the insurance",
        "a change of address in the records",
        "the opening hours in {month}",
        "a form for the nursery to be signed",
        "the records to be sent to the new practice",
        "a parking permit for the visit on {day}",
        "an interpreter for the visit on {day}",
        "the invoice of {month} once more",
        "a vaccination certificate for travel in {month}",
    ),
}

SINCE: dict[str, tuple[str, ...]] = {
    "emergency": ("right now", "for the last ten minutes", "since just now", "for half an hour"),
    "urgent": ("since last night", "since this morning", "for two days", "since yesterday"),
    "routine": ("for months", "for some weeks", "on and off this year", "since the spring"),
}

SYMPTOM_SENTENCES: dict[str, tuple[str, ...]] = {
    "portal": (
        "I have {symptom} {since}.",
        "I have been having {symptom} {since}.",
        "What I am writing about is {symptom}, {since}.",
        "I've got {symptom} {since} and don't know what to do.",
    ),
    "portal, other": (
        "{Person} has {symptom} {since}.",
        "{Person} has been having {symptom} {since}.",
        "This is about {person}, who has {symptom} {since}.",
        "It is {symptom} that worries me, {person} has it {since}.",
    ),
    "e-mail": (
        "I am contacting you because I have {symptom} {since}.",
        "{Since}, I have had {symptom}.",
        "The problem is {symptom}, which I have had {since}.",
        "I would describe it as {symptom}, {since}.",
    ),
    "e-mail, other": (
        "I am contacting you because {person} has {symptom} {since}.",
        "{Since}, {person} has had {symptom}.",
        "The problem is {symptom}, which {person} has had {since}.",
        "{Person} is with me and has {symptom}, {since}.",
    ),
    "phone": (
        "Caller reports {symptom} {since}.",
        "Pt says there is {symptom} {since}.",
        "Describes {symptom} {since}.",
        "C/o {symptom}, {since}.",
    ),
    "phone, other": (
        "Calling about {person}: {symptom} {since}.",
        "Caller says {person} has {symptom} {since}.",
        "Reports that {person} has {symptom}, {since}.",
        "Not for the caller but for {person}: {symptom} {since}.",
    ),
}

REQUESTS: dict[str, tuple[str, ...]] = {
    "portal": (
        "Could I have {request}?",
        "Please arrange {request}.",
        "I'd need {request}.",
        "Would it be possible to get {request}?",
    ),
    "e-mail": (
        "I would like to ask for {request}.",
        "May I request {request}?",
        "I should be grateful for {request}.",
        "What I need is {request}.",
    ),
    "phone": (
        "Asks for {request}.",
        "Wants {request}.",
        "Would like {request}, please call back.",
        "Request: {request}.",
    ),
}

OVER_OR_DENIED: dict[str, tuple[str, ...]] = {
    "portal": (
        "There has been no {symptom}, thankfully.",
        "A neighbour was taken in with {symptom} last month, which scared me.",
        "The {symptom} of two years ago never came back.",
        "I read a leaflet about {symptom} and that is not it.",
    ),
    "e-mail": (
        "I do not have {symptom}, to be clear.",
        "Years ago I was treated for {symptom}; that is long over.",
        "A colleague of mine had {symptom} once, hence my worry.",
        "You told me to look out for {symptom}, and there is none.",
    ),
    "phone": (
        "Denies {symptom}.",
        "Past history: {symptom}, fully recovered.",
        "Asked about {symptom}: no.",
        "Mentions a friend who had {symptom}.",
    ),
}

SMALL_TALK: dict[str, tuple[str, ...]] = {
    "portal": (
        "Sorry to bother you again.",
        "I could not get through by phone, I was number {number} in the queue.",
        "I work shifts, so mornings suit me best.",
        "The new portal is much nicer than the old one.",
        "We are away for {number} days next month.",
        "My chart should have everything else.",
    ),
    "e-mail": (
        "I hope you are all well after the move.",
        "I have been with your practice for {number} years.",
        "Please excuse the long message.",
        "Parking at your place took me {number} minutes last time.",
        "My own doctor is on leave, I understand.",
        "I attach nothing, as you asked.",
    ),
    "phone": (
        "Line was bad.",
        "Waited {number} minutes.",
        "Caller was calm.",
        "Lives {number} km away.",
        "Prefers a call back.",
        "Speaks softly.",
    ),
}

GREETINGS: dict[str, tuple[str, ...]] = {
    "portal": ("Hi,", "Hello,", "", "Good morning,", "Hi team,"),
    "e-mail": ("Dear doctor,", "Dear practice team,", "Good afternoon,", "To whom it may concern,"),
    "phone": ("Call at {time}.", "{time}, phone.", "Transcript {time}.", "Voicemail, {time}."),
}
CLOSINGS: dict[str, tuple[str, ...]] = {
    "portal": ("Thanks!", "Thank you.", "", "Many thanks", "Cheers"),
    "e-mail": ("Kind regards", "With best wishes", "Yours sincerely", "Regards"),
    "phone": ("", "End of call.", "Told someone will be in touch.", "Number on file."),
}
SUBJECTS = (
    "quick question",
    "URGENT",
    "request",
    "not urgent",
    "follow-up",
    "question for the doctor",
    "please read",
    "hello",
)
