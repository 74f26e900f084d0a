"""The strings that tokenizers are held to: a fixed mix of what they get wrong."""
import random
import unicodedata

LANGUAGES = """Die Mühle mahlt, was man ihr gibt.|Le moulin broie ce qu'on lui donne, l'été.|El molino muele lo que le dan, ¿no?
Il mulino macina ciò che riceve.|O moinho mói o que recebe, não é?|De molen maalt wat hij krijgt.|Kvarnen mal det den får.
Møllen maler hvad den får.|Kvernen maler det den får.|Mylly jauhaa mitä saa.|Veski jahvatab mida saab.|Dzirnavas maļ to, ko dod.
Malūnas mala, ką gauna.|Młyn miele to, co dostanie.|Mlýn mele, co dostane.|Mlyn melie, čo dostane.|A malom azt őrli, amit kap.
Moara macină ce primește.|Мелница мели каквото получи.|Мельница мелет то, что дают.|Млин меле те, що дають.|Млын меле тое, што даюць.
Ο μύλος αλέθει ό,τι του δίνουν.|Değirmen verileni öğütür, İstanbul.|الطاحونة تطحن ما تُعطى.|آسیاب هرچه بدهند آرد می‌کند.
הטחנה טוחנת מה שנותנים לה.|चक्की वही पीसती है जो मिलता है।|জাঁতা যা পায় তাই পেষে।|ஆலை கிடைப்பதை அரைக்கும்.|మర ఇచ్చినది రుబ్బుతుంది.
ಗಿರಣಿ ಕೊಟ್ಟದ್ದನ್ನು ಬೀಸುತ್ತದೆ.|മില്ല് കിട്ടുന്നത് പൊടിക്കും.|โรงสีบดสิ่งที่ได้รับ|ໂຮງສີບົດສິ່ງທີ່ໄດ້ຮັບ|စက်သည် ရသမျှကြိတ်သည်။
កិនអ្វីដែលបានទទួល|წისქვილი ფქვავს რაც აქვს.|Ջրաղացն աղում է տրվածը։|磨坊磨它得到的东西。|磨坊磨它得到的東西。|水車は与えられたものを挽く。
방앗간은 주는 대로 빻는다.|Cối xay nghiền những gì nó nhận.|Kinu husaga kinachopewa.|Amọ́lẹ̀ máa ń lọ ohun tí ó bá gbà.""".replace("\n", "|").split("|")

PLAIN = ["", " ", "  ", "   ", "\n", "\n\n", "\n\n\n\n\n", "\t", "\t\t\t", " \n ", "\r\n", "\r", "\r\n\r\n",
         " \t \n \t ", "    indented", "trailing   ", "a", " a", "a ", "Hello, world!", "Hello  world", " Hello",
         "I'm you're he'll we've they'd it's don't 'S 'T 'LL 'Re o'clock 'sound '\u017f '\u017fx",
         "HE'STOP WE'LLAMA I'MORE x'REAL x'VEx IT'TH he'stop x'Dx A'\u017ftop", " unreachable unreachables",
         "!\u0000", "!", "!\u0000\u0000", "ABC\u4e2ddef A\u02b0B", "x/\n/y .//\n//z", "\U00011de5\U00011de6x\U00016ff4",
         "1", "12", "123", "1234", "12345", "1234567890", "3.14159", "-1e-10", "a1b22c333d4444", " 1 22 333",
         "x  \n  y", "x\n  y", "x  \ny", "x \r\n y", "a\n\n  \n b", "a\u00a0b", "a\u3000b", "\u2003\u2003x", "\u0085x",
         "!!!", "?!?!", "...---...", "#$%^&*()", "a/b//c", "///", "//\n/", "foo_bar-baz", "CamelCaseWordsHTTPServer",
         "ABC", "ABCdef", "abcDEF", "\u01c5x\u01c5\u01c5", "\u02b0\u02b1a\u02b2B", "\u0301a\u0301\u0302", "e\u0301e\u0301",
         "caf\u00e9 cafe\u0301", "\u212b\u2126\u1e9b\u0323", "\uac00\u1100\u1161", "\u0958\u0915\u093c",
         "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f44d\U0001f3fd", "\U0001f1e9\U0001f1ea\U0001f1eb", "\u2764\ufe0f",
         "\u4e2d\u6587123\u3042\u30a2\u30fb\u30fc\u3007", "\u3099\u309b\u3040x", "x\u0378y", "\ue000\uf8ff", "\U0010ffff\U000e0001",
         "\ufeffbom", "zero\u200bwidth", "soft\u00adhyphen", "rtl\u202etext", "\u0000\u0001\u007f", "a\u0000b",
         "\u2581", "\u2581\u2581a", "a\u2581b", " \u2581 ", "  \u2581 x", "\u2581  a", " \u2581\u2581 \u2581", "x \u2581", "\U00011de0\U00016ff4", "\u0661\u0662\u0663\u0664", "\u2160\u216b\u00bd\u00b2",
         "def f(x):\n    return x**2  # square\n", "for (int i = 0; i < n; i++) {\n\tprintf(\"%d\\n\", i);\n}\n",
         "<div class=\"x\">&amp;</div>", "SELECT * FROM t WHERE a='b';", "{\"a\": [1, 2.5e3, null]}", "C:\\path\\file.txt",
         "https://example.org/a?b=c&d=%20#e", "user@example.org", "2024-07-26T12:34:56Z", "$1,234.56", "100%", "a=b+c",
         "<s>", "</s>", "<|endoftext|>", "<|im_start|>user\nhi<|im_end|>", "<bos>", "<eos>", "<start_of_turn>model\n",
         "<end_of_turn>", "<unk>", "<0x41>", "<0x0A>", "<pad>", "<unused7>", "[multimodal]", "<|im_start|", "<|im_<|im_end|>",
         "x<|im_end|>y", " <|im_end|> ", "<|im_end|><|im_end|>", "[TOOL]", "<tool>x</tool>", "<tool", "<<tool>>"]


def by_category():
    chosen = {}
    for c in range(0x110000):
        if not 0xD800 <= c < 0xE000:
            chosen.setdefault(unicodedata.category(chr(c)), []).append(c)
    out = []
    for name in sorted(chosen):
        some = chosen[name]
        step = max(1, len(some) // 7)
        chars = [chr(c) for c in some[::step][:7]]
        out += ["".join(chars), "a" + "a".join(chars) + " " + " ".join(chars), "A1" + chars[-1] * 3 + "\n" + chars[0] + "b"]
    return out


def long_runs():
    return [c * n for c in "a 1\n.\u00e9\u4e2d\U0001f600\t" for n in (2, 31, 32, 33, 64, 100)] + ["ab" * 40, " a" * 30, "\n " * 20]


def mixed(n, specials):
    r = random.Random(20251125)
    pieces = PLAIN + LANGUAGES + list(specials)
    out = []
    for _ in range(n):
        s = ""
        for _ in range(r.randint(1, 6)):
            kind = r.random()
            if kind < 0.4:
                p = r.choice(pieces)
                a = r.randint(0, len(p))
                s += p[a : a + r.randint(1, 12)]
            elif kind < 0.7:
                s += r.choice([" ", "  ", "\n", "\r\n", "\t", "'", "-", "\u00a0", "1", "99", "/", "."])
            elif kind < 0.85:
                c = r.choice([r.randint(0x20, 0x17F), r.randint(0x300, 0x2FFF), r.randint(0x3000, 0xD7FF), r.randint(0x10000, 0x1FFFF)])
                s += chr(c)
            else:
                s += r.choice(pieces)
        out.append(s)
    return out


def all_strings(n_mixed, specials=()):
    seen, out = set(), []
    around = [f(s) for s in specials for f in (lambda s: s, lambda s: "x" + s + "y", lambda s: " " + s + " ", lambda s: s[:-1])]
    for s in PLAIN + LANGUAGES + by_category() + long_runs() + around + mixed(n_mixed, specials):
        if s not in seen:
            seen.add(s)
            out.append(s)
    return out
