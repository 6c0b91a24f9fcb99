"""Words that the chat tasks are made of: people, towns, things, units and complaints."""

FIRST = (
    "Anna", "Mara", "Peter", "Lena", "Tomas", "Ivan", "Clara", "Jonas", "Rosa", "Viktor", "Emma",
    "Hugo", "Nina", "Oskar", "Julia", "Martin", "Alice", "David", "Sofia", "Paul",
)  # fmt: skip
LAST = (
    "Berg", "Lind", "Novak", "Stone", "Keller", "Marsh", "Rossi", "Hansen", "Carter", "Fischer",
    "Silva", "Brown", "Moreau", "Young", "Olsen", "Wagner", "Hill", "Costa", "Baker", "Reed",
)  # fmt: skip
CITIES = (
    "Oslo", "Paris", "Rome", "Vienna", "Madrid", "Berlin", "London", "Prague", "Dublin", "Athens",
)  # fmt: skip
THINGS = ("lamps", "chairs", "books", "plates", "clocks", "tables", "shirts", "cups")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
MONTHS = ("January", "March", "May", "June", "August", "October", "December")

UNITS = (
    ("metres", "centimetres", "cm", 100),
    ("kilometres", "metres", "m", 1000),
    ("hours", "minutes", "min", 60),
    ("centimetres", "millimetres", "mm", 10),
    ("kilograms", "grams", "g", 1000),
    ("minutes", "seconds", "s", 60),
)
"""From, into, how that is written, how many of it make one."""

COMPLAINTS = {
    "money": (
        "I was charged twice for the {thing}.",
        "The bill for the {thing} is too high.",
        "When will I get back what I paid for the {thing}?",
        "My card was refused when I bought {thing}.",
        "The price of the {thing} on my invoice is wrong.",
    ),
    "parcel": (
        "The {thing} have not arrived yet.",
        "The driver left the {thing} at the wrong house.",
        "Where are the {thing} that I ordered?",
        "The {thing} were sent to my old address.",
        "The {thing} should have come on {day}.",
    ),
    "repair": (
        "The {thing} broke after one day.",
        "Two of the {thing} are cracked.",
        "The {thing} stopped working on {day}.",
        "There is a hole in one of the {thing}.",
        "The {thing} came apart in my hands.",
    ),
    "praise": (
        "I love the {thing}, thank you!",
        "The {thing} are the best I ever had.",
        "What lovely {thing}, well done.",
        "We are so happy with the {thing}.",
        "The {thing} look great in our home.",
    ),
}
"""What customers of a shop write, by the word that its clerks file it under."""
