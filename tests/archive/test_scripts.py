"""Laws of search in scripts without spaces: it finds, ranks, and mixes with other words."""

import pytest

from duotempo.archive import Archive

SAID = {
    "chinese": "我住在奥斯陆。我的妹妹是护士，在医院上班。我喜欢喝绿茶。",
    "japanese": "私はオスロに住んでいます。妹は看護師です。緑茶が好きです。",
    "thai": "ฉันอาศัยอยู่ที่เมืองออสโล\n\nน้องสาวของฉันเป็นพยาบาล\n\nฉันชอบดื่มชาเขียว",
    "korean": "저는 오슬로에 살아요. 제 여동생은 간호사예요. 저는 녹차를 좋아해요.",
    "hindi": "मैं ओस्लो शहर में रहता हूँ।\n\nमेरी बहन अस्पताल में काम करती है।",
    "english": "I live in Oslo. My sister is a nurse. I like green tea.",
}


@pytest.fixture
def archive():
    """All of them."""
    with Archive.open(":memory:") as found:
        for source, text in SAID.items():
            for n in range(0, len(text), 7):
                found.append(source, text[n : n + 7])
        assert found.verify() == []
        yield found


@pytest.mark.parametrize(
    ("asked", "source", "holds"),
    [
        ("奥斯陆在哪里？", "chinese", "我住在奥斯陆。"),
        ("你妹妹在哪个医院？", "chinese", "我的妹妹是护士，在医院上班。"),
        ("妹は看護師？", "japanese", "妹は看護師です。"),
        ("พยาบาล", "thai", "น้องสาวของฉันเป็นพยาบาล"),
        ("여동생", "korean", "제 여동생은 간호사예요."),
        ("मेरी बहन कहाँ है", "hindi", "मेरी बहन अस्पताल में काम करती है।"),
        ("Oslo", "english", "I live in Oslo."),
        ("妹妹 nurse", "english", "My sister is a nurse."),
    ],
)
def test_what_is_asked_is_found(archive, asked, source, holds):
    found = {(each.source, each.line): each.score for each in archive.search(asked, k=3)}
    assert (source, holds) in found
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_the_best_comes_first(archive):
    (best,) = archive.search("我的妹妹在医院吗", k=1)
    assert best.line == "我的妹妹是护士，在医院上班。"
    assert archive.search("没有什么听说过", k=3) == []
