"""Laws of the policy of chat: told probabilities are the model's, cuts and pads change nothing."""

import json
import re
import sys
from dataclasses import replace

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from duotempo.adapt.chat import ChatPolicy
from duotempo.adapt.chat_folder import loaded
from duotempo.adapt.cycle import Plan, Settings, World, adapted
from duotempo.adapt.drawing import ROWS
from duotempo.adapt.learn import Lesson, step
from duotempo.adapt.measures import divergence
from duotempo.adapt.policy import Asked, Policy, chosen
from duotempo.adapt.prompts import Search
from duotempo.adapt.saved import load_life, save_life
from duotempo.adapt.tally import Tally
from duotempo.adapt.weights import Cispo
from duotempo.core import UserError
from duotempo.models.pretrained import load
from duotempo.tasks.verifiable import Problem
from tests.adapt.chats import Bytes, asked, eager, llama, policy
from tests.adapt.lives import same
from tests.models.tiny import END, tiny_llama, tiny_tokenizer

both = pytest.mark.parametrize("rank", [2, None])
LESSON = Lesson(group=4, rate=1e-2, least=0.0)


def moved(model, by=0.1):
    """The policy with other weights."""
    g = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in model.weights():
            p.add_(by * torch.randn(p.shape, generator=g))
    return model


@both
@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.0])
def test_the_ratio_is_one_until_a_step_is_made(rank, temperature):
    model = moved(eager(policy(rank)))
    rollouts = model.sample(asked("Be brief.", "-"), temperature, 3)
    again = chosen(model.logits(rollouts), rollouts.tokens)
    ratio = (again - rollouts.logp).exp()[rollouts.said]
    assert torch.allclose(ratio, torch.ones_like(ratio), atol=1e-4)


@both
def test_a_policy_of_chat_is_a_policy(rank):
    assert isinstance(policy(rank), Policy)


def test_logits_are_those_of_a_plain_pass_without_pads_or_cache():
    model = moved(policy())
    rollouts = model.sample(asked("Be brief.", "-"), 1.0, 0)
    found = model.logits(rollouts)
    for i in range(len(rollouts)):
        context = rollouts.context[i][~rollouts.pads[i]]
        whole = torch.cat((context, rollouts.tokens[i, :-1]))
        plain = model.model(whole[None]).logits[0, len(context) - 1 :]
        assert torch.allclose(found[i], plain, atol=1e-4)


def test_gradients_are_those_of_a_plain_pass():
    model = moved(policy())
    rollouts = model.sample([Asked("-", Problem("one"))] * 2, 1.0, 0)
    whole = torch.cat((rollouts.context, rollouts.tokens[:, :-1]), 1)
    plain = model.model(whole).logits[:, rollouts.context.shape[1] - 1 :]
    pairs = [
        torch.autograd.grad(chosen(logits, rollouts.tokens).sum(), model.weights())
        for logits in (model.logits(rollouts), plain)
    ]
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(*pairs, strict=True))
    assert any(bool(a.any()) for a in pairs[0])


def test_pads_change_nothing():
    model = policy()
    alone, beside = model.sample(asked("-"), 0.0, 0), model.sample(asked("-", "Be brief."), 0.0, 0)
    assert beside.answers[::2] == alone.answers
    time = min(alone.logp.shape[1], beside.logp.shape[1])
    assert torch.allclose(beside.logp[::2, :time], alone.logp[:, :time], atol=1e-4)


def test_nothing_is_said_after_the_end_and_the_end_is_said():
    model = eager(policy())
    rollouts = model.sample(asked("-") * 8, 1.0, 0)
    ended = 0
    for tokens, said, logp in zip(rollouts.tokens, rollouts.said, rollouts.logp, strict=True):
        many = int(said.sum())
        assert said[:many].all()
        assert not logp[many:].any()
        assert 256 not in tokens[: many - 1]
        ended += int(tokens[many - 1] == 256)
        assert tokens[many - 1] == 256 or many == 6
    assert ended > 0
    assert END not in "".join(rollouts.answers)


def test_the_seed_decides_the_draws():
    model = policy()
    first, again, other = (model.sample(asked("-"), 1.0, seed).answers for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_more_answers_than_are_drawn_at_a_time_come_in_their_order():
    model = policy()
    many = [Asked("-", Problem(str(i))) for i in range(ROWS + 3)]
    rollouts = model.sample(many, 0.0, 0)
    assert len(rollouts.answers) == len(many)
    assert rollouts.answers[-3:] == model.sample(many[-3:], 0.0, 0).answers


@both
def test_the_reference_stays_where_the_policy_began(rank):
    model = policy(rank)
    rollouts = model.sample(asked("-"), 1.0, 0)
    before, taken = model.reference(rollouts), model.taken()
    assert torch.allclose(model.logits(rollouts), before, atol=1e-5)
    moved(model)
    assert torch.equal(model.reference(rollouts), before)
    assert not torch.allclose(model.logits(rollouts), before, atol=1e-2)
    model.put(taken)
    assert same(taken, model.taken())
    assert divergence(model, asked("-")) == pytest.approx(0, abs=1e-5)


def test_only_the_adapter_moves_and_its_seed_decides_its_start():
    model = policy()
    names = set(model.taken())
    assert all("lora_" in name for name in names)
    assert {name.split(".")[-4] for name in names} == {
        "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
    }  # fmt: skip
    assert same(model.taken(), policy().taken())
    assert not same(model.taken(), policy(seed=1).taken())


@both
def test_a_step_in_pieces_is_the_step_at_once(rank):
    found = []
    for piece in (None, 3, 1):
        model = moved(eager(policy(rank, piece=piece)), 0.02)
        rollouts = model.sample(asked("-", "a", "b", "c"), 1.0, 0)
        optimiser = torch.optim.SGD(model.weights(), lr=1.0)
        rewards = torch.arange(12.0).view(3, 4) % 5
        lesson = Lesson(group=4, loss=Cispo(kl=0.5))
        known = torch.ones(3, 4, dtype=torch.bool)
        found.append((step(model, optimiser, rollouts, rewards, known, lesson), model.taken()))
    (first, whole), *others = found
    for made, weights in others:
        assert made.loss == pytest.approx(first.loss, abs=1e-5)
        assert all(torch.allclose(weights[n], whole[n], atol=1e-5) for n in whole)


@both
def test_a_step_makes_what_was_worth_more_likelier(rank):
    model = policy(rank, piece=2)
    rollouts = model.sample([Asked("-", Problem("one"))] * 8, 1.0, 0)
    rewards, known = torch.tensor([[1.0, 0, 0, 1, 0, 0, 0, 1]]), torch.ones(1, 8, dtype=torch.bool)
    optimiser = torch.optim.AdamW(model.weights(), lr=1e-3)
    lesson = Lesson(group=8, loss=Cispo(kl=0.0))
    assert step(model, optimiser, rollouts, rewards, known, lesson).moved
    gain = (chosen(model.logits(rollouts), rollouts.tokens) - rollouts.logp) * rollouts.said
    good = rewards[0] > 0
    assert gain[good].sum(1).mean() > gain[~good].sum(1).mean() + 1e-3


def test_a_life_of_chat_is_lived_and_resumed_alike(tmp_path):
    def world():
        task = Bytes()
        return World(policy(), task, lambda p, t, r: f"{p} {r.randint(0, 9)}", asked("-"), Tally(0))

    plan = Plan(cycles=2, steps=1, problems=2, prompts=2, anchors=2, budget=None)
    settings = Settings(Search(proposals=2, first=2, minibatch=2), LESSON, "rl")
    one, two = world(), world()
    lives = list(adapted(one, plan, settings))
    halfway = next(adapted(two, plan, settings))
    save_life(tmp_path, halfway, two.tally, {})
    saved = load_life(tmp_path, {})
    assert saved is not None
    here = world()
    again = World(here.policy, here.task, here.reflector, here.broad, saved[1])
    resumed = list(adapted(again, plan, settings, saved[0]))
    assert same(lives[-1].slow.weights, resumed[-1].slow.weights)
    assert resumed[-1].slow.steps[-1].moved


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing")  # peft asks transformers so
def test_a_saved_adapter_is_read_by_plain_peft(tmp_path):
    peft = pytest.importorskip("peft")
    model = moved(loaded(str(tiny_llama(tmp_path / "base")), rank=2, longest=4))
    rollouts = model.sample(asked("-"), 1.0, 0)
    folder = model.saved(tmp_path / "adapter")
    assert (folder / "adapter_model.safetensors").exists()
    base = AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    plain = peft.PeftModel.from_pretrained(base, folder).eval()
    row = rollouts.context[0][~rollouts.pads[0]][None]
    ours = model.model(row).logits
    assert torch.allclose(plain(row).logits, ours, atol=1e-5)
    assert AutoTokenizer.from_pretrained(folder).chat_template == model.tokenizer.chat_template


def test_an_adapter_of_a_hub_model_names_the_hub_not_the_folder(tmp_path, monkeypatch):
    pytest.importorskip("peft")
    base = load(str(tiny_llama(tmp_path / "base")))
    fetched = replace(base, name="org/tiny")
    monkeypatch.setattr("duotempo.adapt.chat_folder.load", lambda *_, **__: fetched)
    folder = loaded("org/tiny", rank=2).saved(tmp_path / "adapter")
    config = json.loads((folder / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "org/tiny"


def test_a_saved_model_of_all_weights_is_read_by_plain_transformers(tmp_path):
    model = moved(policy(None))
    plain = AutoModelForCausalLM.from_pretrained(model.saved(tmp_path / "whole"))
    row = torch.arange(5)[None]
    assert torch.allclose(plain(row).logits, model.model(row).logits, atol=1e-5)


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="can be written"):
        policy().saved(tmp_path / "file")


def test_a_template_without_a_system_gets_the_prompt_before_the_problem():
    deaf = "{% for m in messages if m['role'] == 'user' %}<{{ m['content'] }}>{% endfor %}"
    strict = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no') }}{% endif %}" + deaf
    for template in (deaf, strict):
        model = policy(template=template)
        assert model.rendered("Be brief.", "one") == "<Be brief.\n\none>"
        assert model.rendered("", "one") == "<one>"
    assert policy().rendered("Be brief.", "one") == "system: Be brief.\nuser: one\nassistant: "


def test_the_base_speaks_without_the_adapter():
    model = policy()
    said = [model.speak("Hello", longest=5, temperature=1.0, seed=s) for s in (0, 0, 1)]
    moved(model, 5.0)
    said.append(model.speak("Hello", longest=5, temperature=1.0, seed=0))
    assert said[0] == said[1] == said[3] != said[2]


def test_a_model_without_a_chat_template_is_told_the_mend():
    with pytest.raises(UserError, match="-Instruct"):
        policy(template="")


def test_a_model_without_an_end_is_told_the_mend():
    model, tokenizer = llama(), tiny_tokenizer()
    model.generation_config.eos_token_id = None
    tokenizer.eos_token = None
    with pytest.raises(UserError, match="eos_token"):
        ChatPolicy(model, tokenizer)


@pytest.mark.parametrize("wrong", [{"rank": 0}, {"longest": 0}, {"piece": 0}])
def test_settings_that_mean_nothing_are_refused(wrong):
    with pytest.raises(UserError, match="at least 1"):
        policy(**wrong)


def test_a_missing_peft_is_told_the_mend(monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(UserError, match=re.escape('pip install "duotempo[adapt]"')):
        ChatPolicy(llama(), tiny_tokenizer())


def test_a_name_that_leads_nowhere_is_told_the_mend():
    with pytest.raises(UserError, match="smollm2"):
        loaded("no such model")
