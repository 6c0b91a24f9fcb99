"""A step of our reinforcement learning beside TRL's, on the same tiny chat model and batch."""

import time
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from duotempo.adapt.chat import ChatPolicy
from duotempo.adapt.learn import Lesson, Slow, learned
from duotempo.adapt.tally import Tally
from duotempo.adapt.weights import Cispo
from duotempo.adapt.world import World
from duotempo.core import UserError
from duotempo.tasks.verifiable import Problem, Score

GROUP, PROBLEMS, LONGEST, CAP, KL, RATE = 8, 4, 16, 4.0, 1e-3, 3e-4
TEMPLATE = (
    "{% for m in messages %}{{ m['role'] }} {{ m['content'] }} {% endfor %}"
    "{% if add_generation_prompt %}assistant {% endif %}"
)


@dataclass(frozen=True)
class Even:
    """A task whose score is the share of even digits among 16 words."""

    seed_prompt: str = "w1 w2"

    def problems(self, split: str, seed: int) -> Sequence[Problem]:
        """Three words each."""
        return [Problem(f"w{i} w{i + 1} {i % 10}") for i in range(64)]

    def score(self, problem: Problem, answer: str) -> Score:
        """The share of even digits."""
        return Score(min(1.0, sum(word in "02468" for word in answer.split()) / LONGEST))


def words() -> PreTrainedTokenizerFast:
    """A tokenizer of 216 words, with a chat template."""
    known = ["<pad>", "<end>", "<s>", "user", "system", "assistant"]
    known += [*map(str, range(10)), *(f"w{i}" for i in range(200))]
    table = Tokenizer(WordLevel({word: i for i, word in enumerate(known)}, unk_token="<pad>"))
    table.pre_tokenizer = WhitespaceSplit()
    found = PreTrainedTokenizerFast(
        tokenizer_object=table, pad_token="<pad>", eos_token="<end>", bos_token="<s>",
        unk_token="<pad>",
    )  # fmt: skip
    found.chat_template = TEMPLATE
    return found


def tiny(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """A Llama of 0.85 M random weights."""
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=128,
            intermediate_size=344,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=4,
            pad_token_id=0,
            eos_token_id=1,
            bos_token_id=2,
            max_position_embeddings=256,
        )
    )


def ours(steps: int) -> list[float]:
    """Seconds of each step: draw 32 answers, judge them, one update of all weights."""
    tokenizer, task = words(), Even()
    policy = ChatPolicy(tiny(tokenizer), tokenizer, rank=None, longest=LONGEST, piece=None)
    slow, problems, seconds = Slow(policy.taken()), task.problems("train", 0), []
    lesson = Lesson(group=GROUP, rate=RATE, loss=Cispo(CAP, KL))
    world = World(policy, task, lambda *_: None, (), Tally())
    for number in range(steps):
        began, first = time.perf_counter(), number * PROBLEMS % len(problems)
        batch = problems[first : first + PROBLEMS]
        slow = learned(world, slow, [task.seed_prompt], [batch], lesson)
        policy.put(slow.weights)
        seconds.append(time.perf_counter() - began)
    return seconds


def need_trl() -> tuple[Any, Any, Any]:
    """TRL's trainer and its settings, and a data set's class. Raises `UserError` without them."""
    try:
        import trl  # noqa: PLC0415 - an optional extra
        from datasets import Dataset  # noqa: PLC0415 - comes with it
    except ImportError as error:
        raise UserError(
            "this study measures TRL beside us: pip install 'duotempo[bench]', or use "
            "--size smoke, which does without"
        ) from error
    return trl.GRPOTrainer, trl.GRPOConfig, Dataset


def theirs(steps: int, folder: Path) -> list[float]:
    """The same by TRL's GRPOTrainer with its CISPO loss."""
    trainer_of, config_of, dataset_of = need_trl()
    tokenizer, task = words(), Even()
    tiny(tokenizer).save_pretrained(folder / "model")  # it reads its reference from a folder
    tokenizer.save_pretrained(folder / "model")
    rows = [
        {"prompt": [
            {"role": "system", "content": task.seed_prompt},
            {"role": "user", "content": problem.text},
        ]}
        for problem in task.problems("train", 0)
    ]  # fmt: skip
    settings = config_of(
        output_dir=str(folder), loss_type="cispo", epsilon_high=CAP, beta=KL, learning_rate=RATE,
        num_generations=GROUP, per_device_train_batch_size=GROUP * PROBLEMS, max_steps=steps,
        max_completion_length=LONGEST, use_cpu=True, bf16=False, report_to=[], disable_tqdm=True,
        save_strategy="no", model_init_kwargs={"dtype": "float32"},
    )  # fmt: skip
    clock = _clock()

    def reward(completions: list[list[dict[str, str]]], **_: Any) -> list[float]:
        return [task.score(Problem(""), said[0]["content"]).value for said in completions]

    with warnings.catch_warnings(), redirect_stdout(StringIO()):
        warnings.simplefilter("ignore")
        trainer_of(
            model=str(folder / "model"), reward_funcs=reward, args=settings,
            train_dataset=dataset_of.from_list(rows), processing_class=tokenizer,
            callbacks=[clock],
        ).train()  # fmt: skip
    return clock.seconds


def _clock() -> Any:
    from transformers import TrainerCallback  # noqa: PLC0415 - slow to load

    class Clock(TrainerCallback):
        """Seconds of each step."""

        def __init__(self) -> None:
            self.seconds: list[float] = []
            self.began = 0.0

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self.began = time.perf_counter()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            self.seconds.append(time.perf_counter() - self.began)

    return Clock()
