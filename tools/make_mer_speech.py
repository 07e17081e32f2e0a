"""Make `data/mer2023/`: acted Mandarin speech with its transcripts, in synthetic voices.

Run once, by hand, in the root of the repository, after `make_sources.py`, with espeak-ng and
opus-tools as in Debian 12; `data.dvc` tracks what it made:

    python tools/make_mer_speech.py data

The vocal cues of an emotion are those of `make_sources.py`; worry is a weaker fear. Only in the
share `TELLING` of the takes do the words fit the emotion; the others are everyday sentences, and
this makes words the weakest of the four modalities.
"""

import argparse
from pathlib import Path

import make_sources as speech
import numpy as np
from joblib import Parallel, delayed

SEED = 20261124
TELLING = 0.3
# Takes of each voice: common and rare ones in the order of MER2023, milder than there, where
# one emotion has 4 % of the clips, so that every fold has some of each.
SHARES = {"neutral": 7, "angry": 6, "happy": 6, "worried": 5, "sad": 5, "surprise": 3}
CUES = {
    "neutral": speech.EMOTIONS["NEU"],
    "angry": speech.EMOTIONS["ANG"],
    "happy": speech.EMOTIONS["HAP"],
    "sad": speech.EMOTIONS["SAD"],
    "worried": tuple(0.75 * cue for cue in speech.EMOTIONS["FEA"]),
    "surprise": (-0.15, 8.0, 1.8, 0.5, 5.5, 0.0, 0.0, 0.5, -0.5),
}
# Text, and the word after which a hesitant speaker pauses.
EVERYDAY = {
    "e01": ("现在十一点了。", "现在"),
    "e02": ("我明天去学校。", "明天"),
    "e03": ("他在门口等你。", "门口"),
    "e04": ("火车下午三点到。", "下午"),
    "e05": ("桌子上有一本书。", "桌子上"),
    "e06": ("这件事情是小王告诉我的。", "事情"),
    "e07": ("我们先吃饭，然后再去公司。", "先"),
    "e08": ("你听见了吗？", "你"),
    "e09": ("请把窗户打开一点。", "窗户"),
    "e10": ("昨天晚上我给你打过电话。", "晚上"),
    "e11": ("是的。", "是"),
    "e12": ("她说她下个星期从上海回来。", "星期"),
}
TELLING_TEXTS = {
    "neutral": ("会议改到星期四上午。", "超市在银行旁边。", "钥匙放在抽屉里。"),
    "angry": ("你怎么能骗我！", "给我滚出去！", "我真的受够了，你太过分了！"),
    "happy": ("太好了，我们成功了！", "我今天特别高兴。", "哈哈，真有意思！"),
    "sad": ("他再也不会回来了。", "我心里很难过。", "对不起，我只想一个人哭一会儿。"),
    "worried": ("他怎么还没到，会不会出事？", "我很担心妈妈的病。", "万一失败了怎么办？"),
    "surprise": ("什么？真的吗？", "天哪，怎么会是你！", "没想到居然是这样！"),
}
TEXTS = EVERYDAY | {
    f"{emotion[0:2]}{number}": (text, text[:2])
    for emotion, texts in TELLING_TEXTS.items()
    for number, text in enumerate(texts, start=1)
}
VARIANTS = {
    "Male": "m1 m2 m3 m5 m7 m8 Lee benjamin travis announcer".split(),
    "Female": "f1 f2 f3 f4 f5 Alicia Annie anika belinda shelby".split(),
}


def voices(rng: np.random.Generator) -> list[speech.Voice]:
    """Return twenty voices that speak Mandarin."""
    return [
        speech.Voice(
            f"{sex[0].lower()}{number:02d}",
            "espeak-ng",
            f"cmn+{variant}",
            float(rng.integers(42, 56)),
            float(rng.integers(165, 200)),
            sex,
            int(rng.integers(20, 65)),
        )
        for sex, variants in VARIANTS.items()
        for number, variant in enumerate(variants, start=1)
    ]


def plan(cast: list[speech.Voice], rng: np.random.Generator) -> list[speech.Take]:
    """Deal emotions by `SHARES` and texts by `TELLING` to every voice."""
    emotions = [emotion for emotion, count in SHARES.items() for _ in range(count)]
    takes = []
    for voice in cast:
        habit = {emotion: rng.normal(0, speech.OF_VOICE) for emotion in CUES}
        expressive = rng.uniform(0.75, 1.2)
        for emotion in emotions:
            telling = [name for name in TEXTS if name[:2] == emotion[:2] and name not in EVERYDAY]
            texts = telling if rng.random() < TELLING else list(EVERYDAY)
            strength = expressive * rng.uniform(*speech.INTENSITY["XX"])
            cues = strength * np.array(CUES[emotion]) + habit[emotion] * (emotion != "neutral")
            cues = cues + rng.normal(0, speech.OF_TAKE)
            text, seed = str(rng.choice(texts)), int(rng.integers(2**31))
            takes.append(speech.Take(voice, text, emotion, "XX", tuple(cues.tolist()), seed))
    return takes


def _write(voice: speech.Voice, takes: list[speech.Take], out: Path) -> list[dict]:
    # In each worker process: the texts that `perform` looks up are these.
    speech.SENTENCES, speech.BITRATE = TEXTS, "12"
    return speech.write_voice(voice, takes, out)


def main() -> None:
    """Write speech/, cues.csv, voices.csv and sentences.csv."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    folder = args.out / "mer2023"
    (folder / "speech").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(SEED)
    cast = voices(rng)
    takes = plan(cast, rng)
    sheets = Parallel(args.workers)(
        delayed(_write)(voice, [t for t in takes if t.voice == voice], folder / "speech")
        for voice in cast
    )
    speech.write_csv(folder / "cues.csv", [row for sheet in sheets for row in sheet])
    speech.write_csv(folder / "voices.csv", [speech.described(voice) for voice in cast])
    texts = [{"sentence": name, "text": text} for name, (text, _) in TEXTS.items()]
    speech.write_csv(folder / "sentences.csv", texts)


if __name__ == "__main__":
    main()
