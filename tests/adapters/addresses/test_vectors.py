"""Published addresses of every chain: taken as they are, noticed when mistyped, refused with the reason.

Sources: BIP 350; LIP-0004; ZIP 316, ZIP 320 and librustzcash; Monero's donation addresses and its documentation;
XLS-5d; CIP-19; the Filecoin specification; the Substrate development keys; SEP-23; TEP-2; and, where no vector is
published, addresses that exchanges name as theirs.
"""

from __future__ import annotations

import pytest

from adapters.addresses.base58 import BITCOIN
from adapters.addresses.refusal import TEXT
from adapters.addresses.registry import CHAINS, parse, render
from tracer.chain import ScriptKind
from tracer.errors import BadAddress

CANONICAL = [
    ("bitcoin", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
    ("bitcoin", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"),
    ("bitcoin-sv", "12sjrrhoFEsedNRhtgwvvRqjFTh8fZTDX9"),
    ("bitcoin-gold", "GJjz2Du9BoJQ3CPcoyVTHUJZSj62i1693U"),
    ("bitcoin-gold", "btg1qufmped88t65gh7vn9ftzjwlx9tf5a3en692wvq"),
    ("litecoin", "LYhttvnKawAv6RcHQ4eBkNtifuiEA99PFe"),
    ("litecoin", "ltc1qhdhvrwe6rgqns8fz28tee0hphr5x7ulw5exv4w"),
    ("litecoin", "ltcmweb1qqwkdldufg0enxpphwc8rwucc9ru6h43x5uklzm78ektgmufmw3j6kqu76qqw66w204vn7zddfgmnyq9ujugjvx4t2mhu"
                 "qkuj5h4tgd8cvs6gg076"),
    ("dogecoin", "DFCT8ZPq6MytZU3HSvbTJevxt4MLq2Xasu"),
    ("dash", "XyARKoupuArYtToA2S6yMdnoquDCDaBsaT"),
    ("verge", "DFFJhnQNZf8rf67tYnesPu7MuGUpYtzv7Z"),
    ("bitcoin-cash", "bitcoincash:qr6m7j9njldwwzlg9v7v53unlr4jkmx6eylep8ekg2"),
    ("zcash", "t1VmmGiyjVNeCjxDZzg7vZmd99WyzVby9yC"),
    ("zcash", "t3JZcvsuaXE6ygokL4XUiZSTrQBUoPYFnXJ"),
    ("zcash", "zcU1Cd6zYyZCd2VJF8yKgmzjxdiiU1rgTTjEwoN1CGUWCziPkUTXUjXmX7TMqdMNsTfuiGN1jQoVN4kGxUR4sAPN4XZ7pxb"),
    ("zcash", "zs1qqqqqqqqqqqqqqqqqqcguyvaw2vjk4sdyeg0lc970u659lvhqq7t0np6hlup5lusxle75c8v35z"),
    ("zcash", "u1l8xunezsvhq8fgzfl7404m450nwnd76zshscn6nfys7vyz2ywyh4cc5daaq0c7q2su5lqfh23sp7fkf3kt27ve5948mzpfdvckzaec"
              "t2jtte308mkwlycj2u0eac077wu70vqcetkxf"),
    ("ethereum", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
    ("tron", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"),
    ("monero", "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A"),
    ("monero", "888tNkZrPN6JsEgekjMnABU4TBzc2Dt29EPAvkRxbANsAnjyPbb3iQ1YBRk1UXcdRsiKc9dhwMVgN5S9cQUiyoogDavup3H"),
    ("monero", "4LL9oSLmtpccfufTMvppY6JwXNouMBzSkbLYfpAV5Usx3skxNgYeYTRj5UzqtReoS44qo9mtmXCqY45D"
                "J852K5Jv2bYXZKKQePHES9khPK"),
    ("xrpl", "rGWrZyQqhTp9Xu7G5Pkayo7bXjH4k4QYpf"),
    ("xrpl", "XVLhHMPHU98es4dbozjVtdWzVrDjtV8AqEL4xcZj5whKbmc"),  # tag 0 is a tag
    ("xrpl", "XVLhHMPHU98es4dbozjVtdWzVrDjtV18pX8yuPT7y4xaEHi"),  # tag 2^32 - 1
    ("cardano", "addr1qx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3n0d3vllmyqwsx5wktc"
                "d8cc3sq835lu7drv2xwl2wywfgse35a3x"),
    ("cardano", "addr1gx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer5pnz75xxcrzqf96k"),
    ("cardano", "addr1w8phkx6acpnf78fuvxn0mkew3l0fd058hzquvz7w36x4gtcyjy7wx"),
    ("cardano", "stake178phkx6acpnf78fuvxn0mkew3l0fd058hzquvz7w36x4gtcccycj5"),
    ("cardano", "Ae2tdPwUPEZFRbyhz3cpfC2CumGzNkFBN2L42rcUc2yjQpEkxDbkPodpMAi"),
    ("cardano", "DdzFFzCqrhsuQV5ohP1EBh9d4UjmmWDb2Vui2s2SACSBDeEW74kHhp3zj9hvLFDb9mK7hR"
                "r7fbctu1UYatPaF1omXiXPwf12bn7DQvbT"),
    ("algorand", "J4AEINCSSLDA7LNBNWM4ZXFCTLTOZT5LG3F5BLMFPJYGFWVCMU37EZI2AM"),
    ("filecoin", "f01729"),
    ("filecoin", "f17uoq6tp427uzv7fztkbsnn64iwotfrristwpryy"),
    ("filecoin", "f24vg6ut43yw2h2jqydgbg2xq7x6f4kub3bg6as6i"),
    ("filecoin", "f3vvmn62lofvhjd2ugzca6sof2j2ubwok6cj4xxbfzz4yuxfkgobpihhd2thlanmsh3w2ptld2gqkn2jvlss4a"),
    ("filecoin", "f410fkkld55ioe7qg24wvt7fu6pbknb56ht7pt4zamxa"),
    ("polkadot", "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5"),
    ("kusama", "HNZata7iMYWmk5RvZRTiAsSDhV8366zq2YGb3tLH5Upf74F"),
    ("cosmos", "cosmos1nynns8ex9fq6sjjfj8k79ymkdz4sqth06xexae"),
    ("bnb-beacon", "bnb1edrs5cukhx060e02u98v9j8spum7vhuqg9ctxd"),
    ("avalanche-x", "X-avax1qr6yzjykcjmeflztsgv6y88dl0xnlel3chs3r4"),
    ("avalanche-p", "P-avax1qr6yzjykcjmeflztsgv6y88dl0xnlel3chs3r4"),
    ("stellar", "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ"),
    ("stellar", "MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVAAAAAAAAAAAAAJLK"),
    ("ton", "EQCD39VS5jcptHL8vMjEXrzGaRcCVYto7HUn4bpAOg8xqB2N"),
    ("solana", "88xTWZMeKfiTgbfEmPLdsUCQcZinwUfk25EBQZ21XMAZ"),
    ("solana", "11111111111111111111111111111111"),
    ("eos", "eosio.token"),
    ("near", "alice.near"),
]  # fmt: skip

WITHOUT_CHECKSUM = [("filecoin", "f01729")]
_LETTERS = BITCOIN + "0lIO"


@pytest.mark.parametrize(("chain", "text"), CANONICAL)
def test_a_published_address_is_canonical_and_its_key_renders_to_it(chain: str, text: str) -> None:
    canonical, key = parse(chain, f" {text}\n")
    assert canonical == text
    assert render(chain, key) == text
    assert key.kind != TEXT or key.payload == text.encode()


@pytest.mark.parametrize(
    ("chain", "text"),
    [(c, t) for c, t in CANONICAL if CHAINS[c].check == "checksum" and (c, t) not in WITHOUT_CHECKSUM],
)
def test_a_mistyped_letter_is_refused_wherever_it_stands(chain: str, text: str) -> None:
    for place, letter in enumerate(text):
        for shift in (1, 7, 29):
            wrong = _LETTERS[(_LETTERS.find(letter) + shift) % len(_LETTERS)]
            if wrong.lower() == letter.lower():
                continue
            with pytest.raises(BadAddress):
                parse(chain, text[:place] + wrong + text[place + 1 :])


@pytest.mark.parametrize(
    ("chain", "spelling", "canonical"),
    [
        ("litecoin", "3P14159f73E4gFr7JterCCQh9QjiTjiZrG", "MVDCJxZd4A5VUm81QmeC1qf6U7LASsr7LT"),  # old version byte
        ("litecoin", "LTC1QHDHVRWE6RGQNS8FZ28TEE0HPHR5X7ULW5EXV4W", "ltc1qhdhvrwe6rgqns8fz28tee0hphr5x7ulw5exv4w"),
        ("zcash", "tex1s2rt77ggv6q989lr49rkgzmh5slsksa9khdgte", "t1VmmGiyjVNeCjxDZzg7vZmd99WyzVby9yC"),
        ("xrpl", "XVLhHMPHU98es4dbozjVtdWzVrDjtV5fdx1mHp98tDMoQXb", "rGWrZyQqhTp9Xu7G5Pkayo7bXjH4k4QYpf"),
        ("ton", "0:83dfd552e63729b472fcbcc8c45ebcc6691702558b68ec7527e1ba403a0f31a8",
         "EQCD39VS5jcptHL8vMjEXrzGaRcCVYto7HUn4bpAOg8xqB2N"),
        ("cosmos", "COSMOS1NYNNS8EX9FQ6SJJFJ8K79YMKDZ4SQTH06XEXAE", "cosmos1nynns8ex9fq6sjjfj8k79ymkdz4sqth06xexae"),
    ],
)  # fmt: skip
def test_another_spelling_is_the_same_address(chain: str, spelling: str, canonical: str) -> None:
    assert parse(chain, spelling) == parse(chain, canonical)
    assert parse(chain, spelling)[0] == canonical


def test_the_two_p2sh_forms_of_litecoin_are_one_key() -> None:
    _, key = parse("litecoin", "3P14159f73E4gFr7JterCCQh9QjiTjiZrG")
    assert key.kind == ScriptKind.P2SH
    assert key.payload.hex() == "e9c3dd0c07aac76179ebc76a6c78d4d67c6c160a"


def test_an_upper_case_start_of_base58_is_not_taken_for_bech32() -> None:
    """`LTC1...` in mixed case can be a Litecoin P2PKH address."""
    text = "LTC1W111111111111111111111112y9hxW"
    assert parse("litecoin", text)[0] == text


@pytest.mark.parametrize(
    ("chain", "text", "reason"),
    [
        ("monero", "5be5543ff73456ab9f2d207887e2af87322c651ea1a873c5b25b7ffae456c320",
         "64 hexadecimal digits are a transaction"),
        ("monero", "884Bz8UH63aYsjVdkfWfScRYWZGGNbjFL7pztqvWNSrtYT4reFSwyvkCj9KEGUtheHh", "95 or 106 letters, not 67"),
        ("cardano", "addr_test1gz2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzerspqgpsqe70et", "another network"),
        ("cardano", "37btjrVyb4KDXBNC4haBVPCrro8AQPHwvCMp3RFhhSVWwfFmZ6wwzSK6JK1hY6wHNmtrpTf1kdbva8TC"
                "neM2YsiXT7mrzT21EacHnPpz5YyUdj64na", "another network"),
        ("cardano", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "neither a Shelley"),
        ("filecoin", "t17uoq6tp427uzv7fztkbsnn64iwotfrristwpryy", "another network"),
        ("filecoin", "f001729", "a number must follow f0"),
        ("filecoin", "f410", "must follow f4"),
        ("filecoin", "F17UOQ6TP427UZV7FZTKBSNN64IWOTFRRISTWPRYY", "begins with f0"),
        ("polkadot", "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", "another network, not of polkadot"),
        ("polkadot", "HNZata7iMYWmk5RvZRTiAsSDhV8366zq2YGb3tLH5Upf74F", "another network, not of polkadot"),
        ("xrpl", "r", "too short"),
        ("xrpl", "TVE26TYGhfLC7tQDno7G8dGtxSkYQn49b3qD26PK7FcGSKE", "another network, not of xrpl"),
        ("xrpl", "XVLhHMPHU98es4dbozjVtdWzVrDjtV53jSo8mAyvfybtDtz", "flag and its tag do not agree"),
        ("solana", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "holds 32 bytes, not 25"),
        ("eos", "EOSIO", "EOS account name"),
        ("eos", ".eos", "EOS account name"),
        ("eos", "eos.", "EOS account name"),
        ("eos", "aaaaaaaaaaaaaz", "EOS account name"),
        ("near", "a", "2 to 64"),
        ("near", "alice..near", "2 to 64"),
        ("stellar", "SA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ", "begins with G, M or C"),
        ("stellar", "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSG", "55 letters, not 56"),
        ("ton", "kQCD39VS5jcptHL8vMjEXrzGaRcCVYto7HUn4bpAOg8xqKYH", "another network, not of ton"),
        ("ton", "EQCD39VS5jcptHL8vMjEXrzGaRcCVYto7HUn4bpAOg8xqB2", "48 letters"),
        ("algorand", "KEESC5ALZHWX7B7SBNBDY6Z7COYMO6U", "31 letters, not 58"),
        ("cosmos", "bnb1edrs5cukhx060e02u98v9j8spum7vhuqg9ctxd", "prefix is 'bnb', not 'cosmos'"),
        ("avalanche-p", "X-avax1qr6yzjykcjmeflztsgv6y88dl0xnlel3chs3r4", "begin with P-avax1"),
        ("tron", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "another network, not of tron"),
        ("zcash", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "another network, not of zcash"),
        ("dogecoin", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "another network, not of dogecoin"),
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_the_reason(chain: str, text: str, reason: str) -> None:
    with pytest.raises(BadAddress, match=reason):
        parse(chain, text)
