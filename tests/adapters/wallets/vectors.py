"""Published test vectors, copied from the BIPs and from SLIP-132. Keys that several vectors share have a name here."""

from __future__ import annotations

from pathlib import Path

KEYS = dict(line.split() for line in Path(__file__).with_name("keys.txt").read_text().splitlines())
"""Extended keys by the names in keys.txt: `2_m/0` is of BIP 32, vector 2, at that path."""

COMPRESSED = "03a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd"
UNCOMPRESSED = (
    "04a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd"
    "5b8dec5235a0fa8722476c7709c02559e3aa73aa03918ba2d492eea75abea235"
)
X_ONLY = COMPRESSED[2:]
OTHER_X_ONLY = "669b8afcec803a0d323e9a17f3ea8e68e8abe5a278020a929adbec52421adbd0"
LEAF = "02df12b7035bdac8e3bab862a3a83d06ea6b17b6753d52edecba9be46f5d09e076"
NOBODYS = "50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0"
WIF = "L4rK1yDtCWekvXuE6oXD9jCYfFNV2cWRpVuPLBcCU2z8TrisoyY1"
WIF_UNCOMPRESSED = "5KYZdUEo39z3FPrtuX2QbbwGnNP5zTd7yyr2SC1j299sBCnWjss"
# BIP 32, vectors 1 to 4, and one of BIP 389
MASTER_1 = KEYS["master_1"]
MASTER_1_PRIVATE = KEYS["master_1_private"]
MASTER_2 = KEYS["master_2"]
MASTER_2_PRIVATE = KEYS["master_2_private"]
CHILD_2 = KEYS["child_2"]
HARD_CHILD_2 = KEYS["hard_child_2"]
DEEP_2 = KEYS["deep_2"]
CHILD_3 = KEYS["child_3"]
MASTER_4 = KEYS["master_4"]
MASTER_389 = KEYS["master_389"]

DERIVED = [
    # BIP 32: parent, number, child; what is hardened takes the private key
    (KEYS["1_m/0h"], 1, KEYS["1_m/0h/1"]),
    (KEYS["1_m/0h/1/2h"], 2, KEYS["1_m/0h/1/2h/2"]),
    (KEYS["1_m/0h/1/2h/2"], 1_000_000_000, KEYS["1_m/0h/1/2h/2/1000000000"]),
    (MASTER_2, 0, CHILD_2),
    (KEYS["2_m/0/2147483647h"], 1, KEYS["2_m/0/2147483647h/1"]),
    (DEEP_2, 2, KEYS["2_m/0/2147483647h/1/2147483646h/2"]),
]

INVALID_KEYS = [
    # BIP 32, vector 5: why, public key
    ("no public key", KEYS["private_key_inside"]),
    ("no public key", KEYS["prefix_04"]),
    ("no public key", KEYS["prefix_01"]),
    ("no point of the curve", KEYS["no_point"]),
    ("a master key and a child at once", KEYS["master_with_parent"]),
    ("a master key and a child at once", KEYS["master_with_number"]),
    ("version bytes", KEYS["version"]),
    ("checksum is wrong", MASTER_1[:-1] + "9"),
]  # fmt: skip

SIXTEEN = (
    "03669b8afcec803a0d323e9a17f3ea8e68e8abe5a278020a929adbec52421adbd0,0260b2003c386519fc9eadf2b5cf124dd8eea4c4e68d5e154050a9346ea98ce600,"
    "0362a74e399c39ed5593852a30147f2959b56bb827dfa3e60e464b02ccf87dc5e8,0261345b53de74a4d721ef877c255429961b7e43714171ac06168d7e08c542a8b8,"
    "02da72e8b46901a65d4374fe6315538d8f368557dda3a1dcf9ea903f3afe7314c8,0318c82dd0b53fd3a932d16e0ba9e278fcc937c582d5781be626ff16e201f72286,"
    "0297ccef1ef99f9d73dec9ad37476ddb232f1238aff877af19e72ba04493361009,02e502cfd5c3f972fe9a3e2a18827820638f96b6f347e54d63deb839011fd5765d,"
    "03e687710f0e3ebe81c1037074da939d409c0025f17eb86adb9427d28f0f7ae0e9,02c04d3a5274952acdbc76987f3184b346a483d43be40874624b29e3692c1df5af,"
    "02ed06e0f418b5b43a7ec01d1d7d27290fa15f75771cb69b642a51471c29c84acd,036d46073cbb9ffee90473f3da429abc8de7f8751199da44485682a989a4bebb24,"
    "02f5d1ff7c9029a80a4e36b9a5497027ef7f3e73384a4a94fbfe7c4e9164eec8bc,02e41deffd1b7cce11cde209a781adcffdabd1b91c0ba0375857a2bfd9302419f3,"
    "02d76625f7956a7fc505ab02556c23ee72d832f1bac391bcd2d3abce5710a13d06,0399eb0a5487515802dc14544cf10b3666623762fbed2ec38a3975716e2c29c232"
)
_BARE_MULTI = f"5121{COMPRESSED}41{UNCOMPRESSED}52ae"

SCRIPTS = {
    # BIP 381
    f"pk({COMPRESSED})": [f"21{COMPRESSED}ac"],
    f"pkh([deadbeef/1/2'/3/4']{COMPRESSED})": ["76a9149a1c78a507689f6f54b847ad1cef1e614ee23f1e88ac"],
    f"pkh([deadbeef/1/2h/3/4h]{COMPRESSED})": ["76a9149a1c78a507689f6f54b847ad1cef1e614ee23f1e88ac"],
    f"pk({UNCOMPRESSED})": [f"41{UNCOMPRESSED}ac"],
    f"pkh({UNCOMPRESSED})": ["76a914b5bd079c4d57cc7fc28ecf8213a6b791625b818388ac"],
    f"sh(pk({COMPRESSED}))": ["a9141857af51a5e516552b3086430fd8ce55f7c1a52487"],
    f"sh(pkh({COMPRESSED}))": ["a9141a31ad23bf49c247dd531a623c2ef57da3c400c587"],
    f"pkh([bd16bee5/2147483647h]{HARD_CHILD_2}/0)": ["76a914ebdc90806a9c4356c1c88e42216611e1cb4c1c1788ac"],
    f"pk({CHILD_3}/0)": ["210379e45b3cf75f9c5f9befd8e9506fb962f6a9d185ac87001ec44a8d3df8d4a9e3ac"],
    # BIP 382
    f"wpkh({COMPRESSED})": ["00149a1c78a507689f6f54b847ad1cef1e614ee23f1e"],
    f"wpkh([ffffffff/13']{CHILD_2}/1/2/*)": [
        "0014326b2249e3a25d5dc60935f044ee835d090ba859",
        "0014af0bd98abc2f2cae66e36896a39ffe2d32984fb7",
        "00141fa798efd1cbf95cebf912c031b8a4a6e9fb9f27",
    ],
    f"wsh(pkh({COMPRESSED}))": ["0020338e023079b91c58571b20e602d7805fb808c22473cbc391a41b1bd3a192e75b"],
    f"wsh(pk({COMPRESSED}))": ["00202e271faa2325c199d25d22e1ead982e45b64eeb4f31e73dbdf41bd4b5fec23fa"],
    f"sh(wsh(pkh({COMPRESSED})))": ["a914b61b92e2ca21bac1e72a3ab859a742982bea960a87"],
    # BIP 383
    f"multi(1,{COMPRESSED},{UNCOMPRESSED})": [_BARE_MULTI],
    f"sortedmulti(1,{UNCOMPRESSED},{COMPRESSED})": [_BARE_MULTI],
    f"sortedmulti(2,{DEEP_2}/*,{CHILD_3}/0/0/*)": [
        "5221025d5fc65ebb8d44a5274b53bac21ff8307fec2334a32df05553459f8b1f7fe1b62102fbd47cc8034098f0e6a94c6aeee8528abf0a2153a5d8e46d325b7284c046784652ae",
        "52210264fd4d1f5dea8ded94c61e9641309349b62f27fbffe807291f664e286bfbe6472103f4ece6dfccfa37b211eb3d0af4d0c61dba9ef698622dc17eecdf764beeb005a652ae",
        "5221022ccabda84c30bad578b13c89eb3b9544ce149787e5b538175b1d1ba259cbb83321024d902e1a2fc7a8755ab5b694c575fce742c48d9ff192e63df5193e4c7afe1f9c52ae",
    ],
    f"sh(wsh(multi(16,{SIXTEEN})))": ["a9147fc63e13dc25e8a95a3cee3d9a714ac3afd96f1e87"],
    f"sh(multi(2,[00000000/111'/222]{DEEP_2},{CHILD_3}/0))": ["a91445a9a622a8b0a1269944be477640eedc447bbd8487"],
    # BIP 385
    "raw(deadbeef)": ["deadbeef"],
    f"raw({_BARE_MULTI})": [_BARE_MULTI],
    "raw(a9149a4d9901d6af519b2a23d4a2f51650fcba87ce7b87)": ["a9149a4d9901d6af519b2a23d4a2f51650fcba87ce7b87"],
    # BIP 386
    f"tr({X_ONLY})": ["512077aab6e066f8a7419c5ab714c12c67d25007ed55a43cadcacb4d7a970a093f11"],
    f"tr({X_ONLY},pk({OTHER_X_ONLY}))": ["512017cf18db381d836d8923b1bdb246cfcd818da1a9f0e6e7907f187f0b2f937754"],
    f"tr({DEEP_2}/0/*,pk({DEEP_2}/1/*))": [
        "512078bc707124daa551b65af74de2ec128b7525e10f374dc67b64e00ce0ab8b3e12",
        "512001f0a02a17808c20134b78faab80ef93ffba82261ccef0a2314f5d62b6438f11",
        "512021024954fcec88237a9386fce80ef2ced5f1e91b422b26c59ccfc174c8d1ad25",
    ],
    # BIP 386, its private keys written as the public ones
    f"tr({X_ONLY},{{pk({KEYS['1_m/0h/1/2h/2']}/0),"
    f"{{{{pk({DEEP_2}),pk({LEAF})}},pk({COMPRESSED})}}}})": [
        "512071fff39599a7b78bc02623cbe814efebf1a404f5d8ad34ea80f213bd8943f574"
    ],
    # BIP 387
    f"tr({X_ONLY},multi_a(1,{OTHER_X_ONLY}))": ["5120eb5bd3894327d75093891cc3a62506df7d58ec137fcd104cdd285d67816074f3"],
    f"tr({NOBODYS},multi_a(2,[00000000/111'/222]{DEEP_2},{CHILD_3}/0))": [
        "51202eea93581594a43c0c8423b70dc112e5651df63984d108d4fc8ccd3b63b4eafa"
    ],
    f"tr({NOBODYS},sortedmulti_a(2,[00000000/111'/222]{DEEP_2},{CHILD_3}/0))": [
        "512016fa6a6ba7e98c54b5bf43b3144912b78a61b60b02f6a74172b8dcb35b12bc30"
    ],
    f"tr({NOBODYS},sortedmulti_a(2,{DEEP_2}/*,{CHILD_3}/0/0/*))": [
        "5120abd47468515223f58a1a18edfde709a7a2aab2b696d59ecf8c34f0ba274ef772",
        "5120fe62e7ed20705bd1d3678e072bc999acb014f07795fa02cb8f25a7aa787e8cbd",
        "51201311093750f459039adaa2a5ed23b0f7a8ae2c2ffb07c5390ea37e2fb1050b41",
    ],
}  # fmt: skip
"""Descriptor -> its locking scripts at indexes 0, 1, 2."""

TAPROOT = [
    # BIP 341, wallet-test-vectors.json: internal key, root of the tree, output key
    ("d6889cb081036e0faefa3a35157ad71086b123b2b144b649798b494c300a961d", "",
     "53a1f6e454df1aa2776a2814a721372d6258050de330b3c6d10ee8f4e0dda343"),
    ("187791b6f712a8ea41c8ecdd0ee77fab3e85263b37e1ec18a3651926b3a6cf27",
     "5b75adecf53548f3ec6ad7d78383bf84cc57b55a3127c72b9a2481752dd88b21",
     "147c9c57132f6e7ecddba9800bb0c4449251c92a1e60371ee77557b6620f3ea3"),
    ("93478e9488f956df2396be2ce6c5cced75f900dfa18e7dabd2428aae78451820",
     "c525714a7f49c28aedbbba78c005931a81c234b2f6c99a73e4d06082adc8bf2b",
     "e4d810fd50586274face62b8a807eb9719cef49c04177cc6b76a9a4251d5450e"),
    ("e0dfe2300b0dd746a3f8674dfd4525623639042569d829c7f0eed9602d263e6f",
     "ccbd66c6f7e8fdab47b3a486f59d28262be857f30d4773f2d5ea47f7761ce0e2",
     "91b64d5324723a985170e4dc5a0f84c041804f2cd12660fa5dec09fc21783605"),
]  # fmt: skip
LEAVES = [
    # BIP 341: script of a leaf, its hash
    ("20d85a959b0290bf19bb89ed43c916be835475d013da4b362117393e25a48229b8ac",
     "5b75adecf53548f3ec6ad7d78383bf84cc57b55a3127c72b9a2481752dd88b21"),
    ("07546170726f6f74", "2cb2b90daa543b544161530c925f285b06196940d6085ca9474d41dc3822c5cb"),
]  # fmt: skip
BRANCH = (
    "64512fecdb5afa04f98839b50e6f0cb7b1e539bf6f205f67934083cdcc3c8d89",
    "2cb2b90daa543b544161530c925f285b06196940d6085ca9474d41dc3822c5cb",
    "ab179431c28d3b68fb798957faf5497d69c883c6fb1e1cd9f81483d87bac90cc",
)
"""BIP 341: two leaves and the root above them."""

SORTED = [
    # BIP 67: keys of a 2-of-n, address
    (("02ff12471208c14bd580709cb2358d98975247d8765f92bc25eab3b2763ed605f8",
      "02fe6f0a5a297eb38c391581c4413e084773ea23954d93f7753db7dc0adc188b2f"), "39bgKC7RFbpoCRbtD5KEdkYKtNyhpsNa3Z"),
    (("02632b12f4ac5b1d1b72b2a3b508c19172de44f6f46bcee50ba33f3f9291e47ed0",
      "027735a29bae7780a9755fae7a1c4374c656ac6a69ea9f3697fda61bb99a4f3e77",
      "02e2cc6bd5f45edd43bebe7cb9b675f0ce9ed3efe613b177588290ad188d11b404"), "3CKHTjBKxCARLzwABMu9yD85kvtm7WnMfH"),
    (("022df8750480ad5b26950b25c7ba79d3e37d75f640f8e5d9bcd5b150a0f85014da",
      "03e3818b65bcc73a7d64064106a859cc1a5a728c4345ff0b641209fba0d90de6e9",
      "021f2f6e1e50cb6a953935c3601284925decd3fd21bc445712576873fb8c6ebc18"), "3Q4sF6tv9wsdqu2NtARzNCpQgwifm2rAba"),
]  # fmt: skip

ALTERNATIVES = {
    # BIP 389
    f"pk({CHILD_3}/<0;1>)": [f"pk({CHILD_3}/0)", f"pk({CHILD_3}/1)"],
    f"wpkh([ffffffff/13h]{CHILD_2}/<1;3>/2/*)": [
        f"wpkh([ffffffff/13h]{CHILD_2}/1/2/*)",
        f"wpkh([ffffffff/13h]{CHILD_2}/3/2/*)",
    ],
    f"multi(2,{DEEP_2}/<1;2>/*,{CHILD_3}/<3;4>/0/*)": [
        f"multi(2,{DEEP_2}/1/*,{CHILD_3}/3/0/*)",
        f"multi(2,{DEEP_2}/2/*,{CHILD_3}/4/0/*)",
    ],
    f"pkh({MASTER_2}/<0;1;2>)": [f"pkh({MASTER_2}/{n})" for n in range(3)],
    f"sh(multi(2,{DEEP_2}/<1;2;3>/0/*,{CHILD_3}/0/*,{MASTER_389}/0/0/<3;4;5>/*))": [
        f"sh(multi(2,{DEEP_2}/{n}/0/*,{CHILD_3}/0/*,{MASTER_389}/0/0/{n + 2}/*))" for n in (1, 2, 3)
    ],
}

REFUSED = [
    # BIP 380: checksums and letters
    ("raw(deadbeef)#", "8 letters"),
    ("raw(deadbeef)#89f8spxmx", "8 letters"),
    ("raw(deadbeef)#89f8spx", "8 letters"),
    ("raw(deedbeef)#89f8spxm", "checksum is wrong"),
    ("raw(deedbeef)##9f8spxm", "8 letters"),
    ("raw(Ü)#00000000", "no descriptor is written with"),
    # BIP 380: key expressions
    (f"pkh([deadbeef/0h/0h/0h/*]{COMPRESSED})", "key 1 of the descriptor, in pkh: its origin"),
    (f"pkh([deadbeef/0h/0h/0h/]{COMPRESSED})", "its origin"),
    (f"pkh([deadbef/0h/0h/0h]{COMPRESSED})", "its origin"),
    (f"pkh([deadbeeef/0h/0h/0h]{COMPRESSED})", "its origin"),
    (f"pkh([deadbeef/0f/0f/0f]{COMPRESSED})", "its origin"),
    (f"pkh([deadbeef/0H/0H/0H]{COMPRESSED})", "its origin"),
    (f"pkh([deadbeef/-0/-0/-0]{COMPRESSED})", "its origin"),
    (f"pkh({COMPRESSED}/0)", "derives no others"),
    (f"pkh({MASTER_2}/2147483648)", "no number below 2147483648"),
    (f"pkh({MASTER_2}/1aa)", "no number below 2147483648"),
    (f"pkh([aaaaaaaa][aaaaaaaa]{MASTER_2}/0)", "its origin"),
    (f"pkh(aaaaaaaa]{MASTER_2}/0)", "brackets do not match"),
    (f"pkh([gaaaaaaa]{MASTER_2}/0)", "its origin"),
    ("pkh([deadbeef])", "its origin"),
    (f"wpkh({MASTER_2}/3h/4h/5h/*)", "takes the private key"),
    (f"wpkh({MASTER_2}/3/*h)", "takes the private key"),
    # BIP 381
    (f"pk(pk({COMPRESSED}))", "in pk"),
    (f"pkh(pk({COMPRESSED}))", "in pkh"),
    (f"sh({COMPRESSED})", "inside sh that may not stand there"),
    (f"sh(sh(pkh({COMPRESSED})))", "inside sh that may not stand there"),
    # BIP 382
    (f"wpkh({UNCOMPRESSED})", "an uncompressed key"),
    (f"sh(wpkh({UNCOMPRESSED}))", "an uncompressed key"),
    (f"wsh(pk({UNCOMPRESSED}))", "an uncompressed key"),
    (f"wsh(wpkh({COMPRESSED}))", "inside wsh that may not stand there"),
    (f"wsh(wsh(pkh({COMPRESSED})))", "inside wsh that may not stand there"),
    (f"sh(wsh(wsh(pkh({COMPRESSED}))))", "inside wsh that may not stand there"),
    (f"wpkh(wsh(pkh({COMPRESSED})))", "in wpkh"),
    (f"wsh({COMPRESSED})", "inside wsh that may not stand there"),
    # BIP 383
    (f"sh(multi(16,{SIXTEEN}))", "has 16 keys; there may be 15"),
    (f"multi(a,{COMPRESSED},{UNCOMPRESSED})", "needs a number"),
    (f"multi(0,{COMPRESSED},{UNCOMPRESSED})", "needs a number"),
    (f"multi(3,{COMPRESSED},{UNCOMPRESSED})", "needs a number"),
    (f"sh(multi(8{f',{UNCOMPRESSED}' * 8}))", "more than 520 bytes"),
    # BIP 385
    ("raw(asdf)", "hexadecimal"),
    ("addr(asdf)", "asdf"),
    ("sh(raw(deadbeef))", "inside sh that may not stand there"),
    ("wsh(addr(3PUNyaW7M55oKWJ3kDukwk9bsKvryra15j))", "inside wsh that may not stand there"),
    # BIP 386
    (f"tr({UNCOMPRESSED})", "an uncompressed key"),
    (f"wsh(tr({X_ONLY}))", "inside wsh that may not stand there"),
    (f"sh(tr({X_ONLY}))", "inside sh that may not stand there"),
    (f"tr({X_ONLY}, pkh({COMPRESSED}))", "inside tr that may not stand there"),
    # BIP 387
    (f"multi_a(1,{COMPRESSED})", "at the top that may not stand there"),
    (f"sh(multi_a(1,{COMPRESSED}))", "inside sh that may not stand there"),
    (f"wsh(multi_a(1,{COMPRESSED}))", "inside wsh that may not stand there"),
    (f"tr({NOBODYS},multi_a(a,{COMPRESSED}))", "needs a number"),
    (f"tr({NOBODYS},multi_a(0,{COMPRESSED}))", "needs a number"),
    (f"tr({NOBODYS},multi_a(1,{UNCOMPRESSED}))", "an uncompressed key"),
    (f"tr({NOBODYS},multi_a(3,{COMPRESSED},{COMPRESSED}))", "needs a number"),
    # BIP 389
    (f"pkh({MASTER_2}/<0;1>/<2;3>)", "may have one <...;...>"),
    (f"pkh([deadbeef/<0;1>]{MASTER_2}/0)", "in the path behind it"),
    (f"sh(multi(2,{DEEP_2}/<1;2;3>/0/*,{CHILD_3}/0/*,{MASTER_389}/0/0/<3;4>/*))", "different lengths"),
    (f"wpkh({MASTER_2}/<>/*)", "two or more different steps"),
    (f"wpkh({MASTER_2}/0>/*)", "no number below 2147483648"),
    (f"wpkh({MASTER_2}/<0/*)", "no number below 2147483648"),
    (f"wpkh({MASTER_2}/<0;>/*)", "two or more different steps"),
    # ours
    (f"wsh(and_v(v:pk({COMPRESSED}),older(10)))", "Miniscript is not read"),
    (f"combo({COMPRESSED},{COMPRESSED})", "one key"),
    (f"tr({X_ONLY},{'{' * 200}pk({X_ONLY}){'}' * 200})", "two parts"),
    (f"pkh({'02' + 'ff' * 32})", "no point of the curve"),
]  # fmt: skip
"""Descriptor -> words of the refusal."""

PRIVATE = [
    f"pk({WIF})",
    f"pkh([deadbeef/1/2'/3/4']{WIF})",
    f"pk({WIF_UNCOMPRESSED})",
    f"tr({WIF})",
    f"{WIF}/0",
    f"pkh({MASTER_2_PRIVATE}/2147483647'/0)",
    f"sh(wpkh({MASTER_1_PRIVATE}/10/20/30/40/*h))",
    f"wsh(multi(2,{MASTER_2},{MASTER_1_PRIVATE}/1/2/*))",
    f"tr({X_ONLY},pk({WIF}))",
    f"[deadbeef/0h/1h/2h]{MASTER_1_PRIVATE}",
]
"""Descriptors of the BIPs with a private key somewhere."""

ACCOUNTS = [
    # SLIP-132: account key, script kind, first receiving address
    (KEYS["bip44_account"],
     "pkh", "1LqBGSKuX5yYUonjxT5qGfpUsXKYYWeabA"),
    (KEYS["bip49_account"],
     "sh(wpkh)", "37VucYSaXLCAsxYyAPfbSi9eh4iEcbShgf"),
    (KEYS["bip84_account"],
     "wpkh", "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"),
    # BIP 49
    (KEYS["bip49_test_account"],
     "sh(wpkh)", "2Mww8dCYPUpKHofjgcXcBCEGmniw9CoaiD2"),
    # BIP 86
    (KEYS["bip86_account"],
     "tr", "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr"),
]  # fmt: skip
SECOND_84 = "bc1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g"
CHANGE_84 = "bc1q8c6fshw2dlwun7ekn9qwf37cu2rn755upcp6el"
SECOND_86 = "bc1p4qhjn9zdvkux4e44uhx8tc55attvtyu358kutcqkudyccelu0was9fqzwh"
CHANGE_86 = "bc1p3qkhfews2uk44qtvauqyr2ttdsw7svhkl9nkm9s9c3x4ax5h60wqwruhk7"
ABANDON = "abandon " * 11 + "about"
"""The recovery words of BIPs 39, 49, 84, 86."""
