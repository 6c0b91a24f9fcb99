"""A real model reads a diary past its window, sleeps on it, and is asked and scored.

Run: python examples/read_past_the_window.py (a minute or less; the first run converts the weights)
"""

from duotempo.core import Tell
from duotempo.reader import Reader
from duotempo.tasks import Diary


def told() -> Tell:
    """Print each stage of the work once, when it begins."""
    seen = set()

    def tell(what: str, done: float | int, total: float | int) -> None:
        if what not in seen:
            print(f"... {what}")
        seen.add(what)

    return tell


diary = Diary(entries=8, window_entries=3, next_entries=8).make(seed=6)
reader = Reader.open("smollm2", window=256, tell=told())

reading = reader.read(diary.evicted + diary.window, name="diary")
print(f"read {reading.tokens} tokens; {reading.pending} of them have left the window")

verdict = reader.sleep(passes=2)
print(verdict.reason)
print(f"the fast state takes {reader.summary()['state_bytes']:,} bytes, however long the text")

bits = reader.score(diary.next[:1500])
print(f"the text that follows, bits/token: {bits.none:.2f} without memory, {bits.mixed:.2f} mixed")

fact = diary.facts[0]
answer = reader.ask(fact.question)
print(f"{fact.question} {answer.text} (it is {fact.answer})")
for sentence in answer.sentences:
    print(f"    read: {sentence.line}")

print(f"going on: {reader.generate(tokens=12)!r}")
