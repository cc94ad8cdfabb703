"""Feeds the same JSON texts to CPython and to labwire; every line of the answers must agree. One line per check."""

import json
import random
import struct
import subprocess
import sys
import unicodedata

PROGRAM = sys.argv[1]
SEED = 20240424
failures = 0


def labwire(texts):
    lines = "".join(text.hex() + "\n" for text in texts)
    done = subprocess.run([PROGRAM], input=lines.encode(), capture_output=True, check=True)
    return done.stdout.decode().split("\n")[:-1]


def python(text):
    try:
        value = json.loads(text.decode())
    except json.JSONDecodeError as error:
        return f"error: {error}"
    return f"{json.dumps(value)}\t{value!r}"


def check(name, texts, expected=python, same=lambda ours, theirs: ours == theirs):
    global failures
    texts = list(texts)
    answers = labwire(texts)
    assert len(answers) == len(texts), (len(answers), len(texts))
    wrong = [
        (text, ours, theirs)
        for text, ours in zip(texts, answers)
        for theirs in [expected(text)]
        if not same(ours, theirs)
    ]
    print(f"{'ok  ' if not wrong else 'FAIL'} {name}: {len(texts)} texts, {len(wrong)} differ")
    for text, ours, theirs in wrong[:5]:
        print(f"     {text[:100]!r}\n       labwire {ours[:200]!r}\n       python  {theirs[:200]!r}")
    failures += bool(wrong)


def doubles(rng):
    """10^5 doubles of every size and sign: random bits, and short decimals."""
    bits = [struct.unpack("<d", rng.randbytes(8))[0] for _ in range(60_000)]
    decimals = [round(rng.uniform(-1e6, 1e6), rng.randrange(8)) for _ in range(20_000)]
    scaled = [rng.random() * 10.0 ** rng.randrange(-8, 20) for _ in range(20_000)]
    return bits + decimals + scaled


def edges():
    powers = [2.0**e for e in range(-1074, 1024)] + [float(f"1e{e}") for e in range(-323, 309)]
    near = [struct.unpack("<d", struct.pack("<q", struct.unpack("<q", struct.pack("<d", p))[0] + d))[0]
            for p in powers for d in (-1, 1)]
    return powers + near + [-p for p in powers] + [0.0, -0.0, float("nan"), float("inf"), -float("inf")]


def is_assigned(text):
    """A code point assigned in only one of the two Unicode versions may be printable in only one."""
    return all(unicodedata.category(c) != "Cn" for c in json.dumps(json.loads(text), ensure_ascii=False))


def random_text(rng):
    """Text of tokens that are valid JSON or nearly so."""
    tokens = ['{', '}', '[', ']', ',', ':', '"', '"a"', '"b": ', '1', '0', '-', '.', 'e', '+', 'E5', '12.50', 'true', 'null',
              'NaN', 'Infinity', '-Infinity', 'nul', ' ', '\n', '\t', '\\', '\\n', '\\u00', '\\u00b5', '\\ud83d', '\\ude00', 'µ', '✓',
              '😀', '\x01', '\x7f', '/', "'", '99999999999999999999']
    return "".join(rng.choice(tokens) for _ in range(rng.randrange(1, 12))).encode()


def random_value(rng, depth=4):
    kind = rng.randrange(9 if depth else 6)
    if kind == 0:
        return rng.choice([None, True, False, float("nan"), float("inf"), -0.0])
    if kind == 1:
        return rng.randrange(-2**70, 2**70) >> rng.randrange(70)
    if kind == 2:
        return rng.uniform(-1, 1) * 10.0 ** rng.randrange(-20, 20)
    if kind < 6:
        return "".join(chr(rng.choice([rng.randrange(0x80), rng.randrange(0x300), rng.randrange(0xD000, 0xE000),
                                       rng.randrange(0x1F300, 0x1F600)])) for _ in range(rng.randrange(8)))
    if kind == 6:
        return [random_value(rng, depth - 1) for _ in range(rng.randrange(5))]
    return {str(random_value(rng, 0)): random_value(rng, depth - 1) for _ in range(rng.randrange(5))}


def main():
    rng = random.Random(SEED)
    check("random doubles", [json.dumps(x).encode() for x in doubles(rng)])
    check("doubles with 17 digits and more", [f"{x:.25e}".encode() for x in doubles(rng)[:20_000] if x == x and abs(x) < 1e300])
    check("powers of two and ten, their neighbours, NaN, infinities", [json.dumps(x).encode() for x in edges()])
    check("random values, escaped", filter(is_assigned, [json.dumps(random_value(rng)).encode() for _ in range(20_000)]))
    pairs = [f'"\\u{a:04x}\\u{b:04x}"'.encode() for a in range(0xD7F8, 0xE008, 8) for b in range(0xDBF8, 0xE008, 16)]
    check("surrogates, paired and alone", filter(is_assigned, pairs))
    words_agree = sys.version_info < (3, 13)  # 3.13 has other words for a trailing comma
    check("nearly JSON: values, and the words and places of refusals", [random_text(rng) for _ in range(100_000)],
          same=lambda ours, theirs: ours == theirs or (not words_agree and ours[:6] == theirs[:6] == "error:"))
    known = [c for c in range(0x20, 0x110000) if unicodedata.category(chr(c)) not in ("Cn", "Cs")]
    check(f"repr of every character assigned in Unicode {unicodedata.unidata_version}",
          [json.dumps(chr(c), ensure_ascii=False).encode() for c in known])
    sys.exit(1 if failures else 0)


main()
