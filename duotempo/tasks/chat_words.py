"""Words that the chat tasks are made of: people, capitals, things, units, moods."""

FIRST = (
    "Anna", "Mara", "Peter", "Lena", "Tomas", "Ivan", "Clara", "Jonas", "Rosa", "Viktor", "Emma",
    "Hugo", "Nina", "Oskar", "Julia", "Martin", "Alice", "David", "Sofia", "Paul",
)  # fmt: skip
CITIES = (
    "Oslo", "Paris", "Rome", "Vienna", "Madrid", "Berlin", "London", "Prague", "Dublin", "Athens",
)  # fmt: skip
THINGS = ("lamps", "chairs", "books", "plates", "clocks", "tables", "shirts", "cups")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
UNITS = ("metres", "kg", "cm", "hours", "euros", "litres")

CAPITALS = {
    "France": "Paris", "Japan": "Tokyo", "Italy": "Rome", "Spain": "Madrid", "Germany": "Berlin",
    "Norway": "Oslo", "Sweden": "Stockholm", "Greece": "Athens", "Egypt": "Cairo",
    "Poland": "Warsaw", "Austria": "Vienna", "Portugal": "Lisbon", "Ireland": "Dublin",
    "Russia": "Moscow", "China": "Beijing", "Cuba": "Havana", "Peru": "Lima", "Chile": "Santiago",
    "Kenya": "Nairobi", "Hungary": "Budapest", "Denmark": "Copenhagen", "Finland": "Helsinki",
    "Canada": "Ottawa", "Iraq": "Baghdad", "Iran": "Tehran", "Belgium": "Brussels",
    "Thailand": "Bangkok", "Turkey": "Ankara", "Romania": "Bucharest", "Bulgaria": "Sofia",
    "Syria": "Damascus", "Nepal": "Kathmandu", "Vietnam": "Hanoi", "Ukraine": "Kyiv",
    "Argentina": "Buenos Aires", "South Korea": "Seoul", "Australia": "Canberra",
    "the Philippines": "Manila", "the United Kingdom": "London", "Colombia": "Bogota",
}  # fmt: skip
ASKED = (
    "What is the capital of {}?",
    "Which city is the capital of {}?",
    "What is the name of the capital of {}?",
    "Can you tell me the capital of {}?",
    "I forgot the capital of {}. What is it?",
)

MOODS = {
    "positive": (
        "I love the {thing}, thank you!",
        "The {thing} are the best I ever had.",
        "We are so happy with the {thing}.",
        "The {thing} look great in our home.",
        "What a good idea to buy these {thing}.",
    ),
    "negative": (
        "The {thing} broke after one day.",
        "I hate the {thing}, what a waste of money.",
        "The {thing} are cracked and ugly.",
        "I am very angry about the {thing}.",
        "The {thing} are terrible, I want my money back.",
    ),
}
"""What customers of a shop write, by the word that it is filed under."""
