"""A task for `duotempo adapt`: sort a customer's message into one of three drawers."""

from duotempo.tasks.verifiable import Problem, Score

MAIL = {
    "bug": ["It crashes when I open {}.", "{} shows an error.", "I cannot start {} any more."],
    "bill": ["You charged me twice for {}.", "What does {} cost?", "My invoice for {} is wrong."],
    "praise": ["I love {}!", "{} made my day.", "Thank you for {}, it is great."],
}
THINGS = {"train": ["the app", "your editor", "the player", "Notes"], "test": ["Maps", "Mail"]}


class SortMail:
    seed_prompt = "Read the message."
    hints = ("Answer with one word: bug, bill or praise.", "Be polite.", "Think step by step.")

    def problems(self, split: str, seed: int) -> list[Problem]:
        each = [(m.format(t), k) for t in THINGS[split] for k, ms in MAIL.items() for m in ms]
        return [Problem(text, drawer) for text, drawer in each]

    def score(self, problem: Problem, answer: str) -> Score:
        said = answer.lower().strip(" .")
        found = 1.0 if said == problem.answer else 0.5 if problem.answer in said else 0.0
        return Score(found, f"the drawer is {problem.answer}; say that word alone")
