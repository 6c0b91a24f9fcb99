"""Laws of gaps where no spaces tell words apart: they are made, cut no letter, and are judged."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duotempo.archive.conversation_records import Turn
from duotempo.converse.gaps import LETTER, counted, gap, sentences
from duotempo.converse.probes import GAP, cloze, right


def probes(*said: str):
    """Probes of somebody who said so much."""
    turns = [Turn(n, 1, n, "user", text, 0.0) for n, text in enumerate(said, 1)]
    return cloze(turns, Random(0), 99)


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("我住在奥斯陆。", "奥斯陆"),
        ("我的妹妹是护士，她在医院上班。", "医院上班"),
        ("我今年三十二岁了。", "三十二"),
        ("我2019年搬到了挪威。", "2019"),
        ("我現在住在Oslo。", "Oslo"),
        ("私はオスロに住んでいます。", "オスロ"),
        ("妹は看護師として働いています。", "看護師"),
        ("저는 오슬로에 살고 있어요.", "오슬로에"),
    ],
)
def test_a_gap_is_made_where_no_spaces_are(said, answer):
    (probe,) = probes(said)
    assert probe.answer == answer
    assert GAP in probe.question
    assert answer not in probe.question


@pytest.mark.parametrize(
    "said",
    [
        "ฉันอาศัยอยู่ที่เมืองออสโล",
        "ຂ້ອຍອາໄສຢູ່ໃນເມືອງອອດສະໂລ",
        "ကျွန်တော်အော်စလိုမှာနေတယ်။",
        "ខ្ញុំរស់នៅទីក្រុងអូស្លូ។",
    ],
    ids=["thai", "lao", "burmese", "khmer"],
)
def test_a_gap_cuts_no_letter_from_its_signs(said):
    (probe,) = probes(said)
    letters = LETTER.findall(said)
    found = LETTER.findall(probe.answer)
    assert 2 <= len(found) <= 4
    assert any(letters[n : n + len(found)] == found for n in range(len(letters)))


@pytest.mark.parametrize("said", ["好", "你好吗？", "我是谁？他是谁？", "谢谢！嗯！", "คุณ", "ok好"])
def test_what_says_little_or_asks_makes_no_probe(said):
    assert probes(said) == []


def test_sentences_end_where_the_script_ends_them():
    said = "我住在奥斯陆。你呢？「我不知道。」他说了这句话。今天天气很好！"
    assert [*sentences(said)] == [
        "我住在奥斯陆。",
        "「我不知道。」他说了这句话。",
        "今天天气很好！",
    ]
    assert [*sentences("我住在奥斯陆，" * 20)] == ["我住在奥斯陆，"] * 20


def test_a_gap_is_where_the_rare_letters_are():
    often = ["我喜欢喝咖啡。", "我喜欢喝牛奶。", "我喜欢喝果汁。", "我喜欢喝绿茶。"]
    place = gap(often[-1], counted(often))
    assert place is not None
    assert "绿茶" in often[-1][place.start : place.end]


def test_the_latest_of_two_wordings_is_asked_there_too():
    assert [probe.answer for probe in probes("我住在罗马。", "我住在柏林。")] == ["柏林"]


@pytest.mark.parametrize(
    ("said", "answer", "is_right"),
    [
        ("你住在奥斯陆。", "奥斯陆", True),
        ("奥斯陆", "在奥斯陆", True),
        ("奥克兰", "奥斯陆", False),
        ("星期五", "星期三", False),
        ("我不知道", "护士", False),
        ("三十二岁", "三十二", True),
        ("四百三十二", "三十二", False),
        ("三十三", "三十二", False),
        ("오슬로", "오슬로에", True),
        ("ｵｽﾛです", "オスロ", True),
        ("ロスオス", "オスロ", False),
        ("你住在Oslo。", "Oslo", True),
        ("你在２０１９年搬家", "2019", True),
        ("12019年", "2019", False),
        ("", "奥斯陆", False),
    ],
)
def test_an_answer_is_judged_by_its_pairs_of_letters(said, answer, is_right):
    assert right(said, answer) is is_right


def test_words_of_scripts_with_signs_on_their_letters_are_whole():
    (probe,) = probes("मेरी बहन ओस्लो में रहती है।")
    assert probe.answer in ("मेरी", "ओस्लो", "रहती")
    assert right("वह ओस्लो में है", "ओस्लो")
    assert not right("ओस", "ओस्लो")
    assert not right("ओस्लोवासी", "ओस्लो")


@given(st.text(alphabet="我在奥斯陆二十三オスロにのเมืองที่서울에ab 1。.？！々", max_size=80))
def test_a_gap_is_a_part_of_its_sentence_that_answers_it(said):
    for probe in probes(said):
        assert probe.answer
        assert right(probe.answer, probe.answer)
        assert not right("", probe.answer)
        gapped = probe.question.split('"')[1]
        assert gapped.replace(GAP, probe.answer, 1) in said
