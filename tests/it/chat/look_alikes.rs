//! Names that would be taken for another name or for the server, and names that must stay allowed.
//!
//! Each case is typed at the text door: `rename|NAME` and `/join ROOM`. The rules for letters and marks are in
//! src/protocol/name_chars.rs, those for reserved words in src/protocol/reserved.rs.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use parlor::chat::Effect;
use parlor::protocol::{Nick, Notice, Refusal, RoomName};

use super::{ANN, BOB, Room, refusal};

/// Renames somebody while `present` is here; `None` when it worked.
fn refused_beside(present: &str, name: &str) -> Option<Refusal> {
    let mut room = Room::of(&[present, "zoe"]);
    let effects = room.types(BOB, &format!("rename|{name}"));
    match &effects[0] {
        Effect::Tell(BOB, Notice::RenameOk) => None,
        _ => Some(refusal(&effects, BOB).clone()),
    }
}

/// Whether a name is refused while nobody else is here.
fn refused(name: &str) -> Option<Refusal> {
    refused_beside("yan", name)
}

/// Pairs that a skeleton of Unicode UTS 39 does not fold (CASES C1).
#[test]
fn name_with_hiding_letters_is_refused() {
    for hidden in [
        '\u{307}',
        '\u{2d7f}',
        '\u{1107f}',
        '\u{16fe4}',
        '\u{17d2}',
        '\u{1039}',
        '\u{1da9b}',
        '\u{335}',
        '\u{336}',
        '\u{337}',
        '\u{338}',
        '\u{20dd}',
        '\u{20e3}',
        '\u{34f}',
        '\u{200b}',
        '\u{200c}',
        '\u{200d}',
        '\u{2060}',
        '\u{ad}',
        '\u{fe0f}',
        '\u{e0101}',
        '\u{115f}',
        '\u{1160}',
        '\u{3164}',
        '\u{ffa0}',
        '\u{640}',
        '\u{7fa}',
        '\u{180b}',
        '\u{1a60}',
        '\u{a8f9}',
        '\u{93c}',
        '\u{e49}',
        '\u{64b}',
        '\u{5b0}',
        '\u{300c}',
        '\u{2ff0}',
    ] {
        for name in [format!("mi{hidden}ke"), format!("mike{hidden}"), format!("{hidden}mike"), hidden.to_string()] {
            // Marks that show, on a letter that may have them, are no way to hide: `mikė` is a name.
            if hidden == '\u{307}' && name.starts_with("mike") {
                continue;
            }
            let refusal = refused_beside("mike", &name);
            assert!(refusal.is_some(), "{name:?}");
        }
    }
    for name in [
        "سـلام",
        "ســلام",
        "i\u{307}rem",
        "\u{131}\u{307}rem",
        "\u{456}\u{307}ван",
        "j\u{307}an",
        "\u{237}\u{307}an",
        "i\u{323}\u{307}rem",
        "l\u{307}rem",
        "I\u{307}\u{307}rem",
        "家\u{327}",
        "7\u{301}",
        "7\u{307}a",
        "a_\u{301}",
        "a.\u{301}b",
        "-\u{301}",
        "gu\u{2d7f}est-f6e17502",
        "127.0.0.1\u{1038}5123",
        "127.0.0.1\u{2d0}5123",
        "e\u{301}\u{302}\u{303}",
        "e\u{301}\u{301}",
        "\u{1ebf}\u{304}",
        "ก\u{e34}\u{e34}",
        "സ\u{d3f}\u{d3f}\u{d3f}\u{d3f}",
        "ស\u{17d2}",
        "ស\u{17d2}\u{17d2}រ",
        "ស\u{17d2}2",
        "က\u{1039}",
        "ᏣᎳᎩ",
        "𓀀𓀁",
        "x²",
        "½",
        "Ⅷ",
        "𝐦𝐢𝐤𝐞",
        "ﬁn",
    ] {
        assert!(refused(name).is_some(), "{name:?}");
    }
    assert!(refused(&format!("e{}", "\u{301}".repeat(20))).is_some());
    assert!(refused(&format!("ก{}", "\u{e49}".repeat(20))).is_some());
}

#[test]
fn name_like_another_is_refused() {
    for (present, name) in [
        ("mike", "mі̇ke"),
        ("irem", "İrem"),
        ("irem", "ırem"),
        ("irem", "IREM"),
        ("İrem", "irem"),
        ("ırem", "İREM"),
        ("madina", "MADlNA"),
        ("madina", "MAD1NA"),
        ("madina", "MADӀNA"),
        ("madina", "MADΙNA"),
        ("madina", "MaDlNa"),
        ("madina", "MADlna"),
        ("MADlNA", "madina"),
        ("MADlNA", "Madina"),
        ("mike", "MlKE"),
        ("iris", "lris"),
        ("iris", "lRlS"),
        ("iris", "1R1S"),
        ("Iris", "lRIS"),
        ("Bill", "BlLL"),
        ("olivia", "OLlVlA"),
        ("olivia", "0LlV1A"),
        ("mary-iris", "mary-lris"),
        ("oleg", "0LEG"),
        ("bob", "B0B"),
        ("νικη", "NIKH"),
        ("вова", "BOBA"),
        ("boba", "ВОВА"),
        ("Straße", "STRASSE"),
        ("Οδυσσεύς", "οδυσσεύσ"),
        ("modern", "MODEM"),
        ("ที่", "ท\u{e48}\u{e35}"),
        ("น\u{e49}\u{e33}", "น\u{e49}\u{e4d}\u{e32}"),
        ("Ișa", "Işa"),
        ("ស\u{17d2}ត\u{17c1}ច", "ស\u{17d2}ដ\u{17c1}ច"),
        ("user2", "user٢"),
        ("ann-lee", "annーlee"),
        ("ann-lee", "ann一lee"),
    ] {
        assert!(refused_beside(present, name).is_some(), "{name} beside {present}");
    }
}

#[test]
fn different_names_are_two_names() {
    for (present, name) in [
        ("jose", "josé"),
        ("josé", "jose"),
        ("mike", "mikė"),
        ("mike", "mika"),
        ("neil", "nell"),
        ("Neil", "Nell"),
        ("Della", "Delia"),
        ("Aida", "Alda"),
        ("Kai", "Kal"),
        ("ali", "all-in"),
        ("Ольга", "Олег"),
        ("家族", "家旅"),
        ("محمد", "مُحَمَّد"),
        ("ann", "ann_"),
        ("user1", "user2"),
        ("नेहा", "नेह"),
    ] {
        assert_eq!(refused_beside(present, name), None, "{name} beside {present}");
    }
}

#[test]
fn names_of_the_world_stay_allowed() {
    for name in [
        "नेहा",
        "Δημήτρης",
        "家族",
        "Jürgen",
        "Ольга",
        "José",
        "Zoë",
        "Łukasz",
        "Nguyễn",
        "Đặng",
        "Çelik",
        "İrem",
        "ığdır",
        "Йосиф",
        "Ђорђе",
        "Χρήστος",
        "אברהם",
        "محمد",
        "مُحَمَّد",
        "علی",
        "ज़िंदा",
        "প্রিয়া",
        "ਗੁਰਪ੍ਰੀਤ",
        "ગીતા",
        "ସୁଜାତା",
        "சங்கர்",
        "తేజ",
        "ಕಾವ್ಯ",
        "അൽഫോൻസ്",
        "සුනිල්",
        "สมชาย",
        "ที่รัก",
        "น้ำ",
        "ລາວ",
        "ໜູ",
        "ကျော်",
        "မြင့်",
        "မို့မို့",
        "ཀརྨ",
        "བརྒྱུད",
        "სანდრო",
        "Արամ",
        "Սևակ",
        "さくら",
        "サクラ",
        "タロー",
        "김철수",
        "ሰላም",
        "ភារុណ",
        "ស្រី",
        "Ann家",
        "AKBさくら",
        "Ọlá",
        "ẹ̀kọ́",
        "ƙofa",
        "Ħal",
        "Ali",
        "ALI",
        "Al",
        "Liam",
        "Ian",
        "Lan",
        "Oleg",
        "7of9",
        "42",
        "12345678",
        "x.y_z-1",
        "ЗОЛОТО",
        "lolololol",
        "Straße",
        "タロー2",
        "नेहा२",
    ] {
        assert_eq!(refused(name), None, "{name}");
    }
}

/// A letter of another script is refused also while nobody is here for whom it could be taken.
#[test]
fn name_of_mixed_scripts_is_refused() {
    for name in ["mіke", "раураl", "Aннa", "αnn", "annя", "नeha", "ann٢", "محمدx", "김Ольга", "aーb", "lニb"]
    {
        assert!(refused(name).is_some(), "{name}");
    }
}

/// CASES C2.
#[test]
fn word_of_the_server_is_reserved() {
    for name in [
        "server.",
        "server_",
        "SERVER_",
        "Server-",
        "server1",
        "1server",
        "0server0",
        "parlor-server",
        "PARLOR",
        "parlor2",
        "the-server",
        "x.admin",
        "admin.x",
        "Admin_7",
        "administrator",
        "Administrator-1",
        "mod",
        "Mod2",
        "mod_1",
        "mod3l",
        "my-mod",
        "staff",
        "staff.7",
        "support",
        "support-team",
        "tech_support",
        "sysop",
        "sysop1",
        "root1",
        "r00t",
        "r00t1",
        "1r00t-x",
        "m0d",
        "m0d0",
        "adm1n",
        "ADM1N",
        "admln",
        "adrnin",
        "ADMlN",
        "0perator",
        "op",
        "0p",
        "Operator_",
        "sеrver.",
        "sеrvеr1",
        "ѕуѕоp",
        "sérver",
        "ádmin",
        "rööt",
        "röot-1",
        "ｓｅｒｖｅｒ",
        "root２",
        "system32",
        "a-b-system",
        "moderator.bob",
        "everyone",
        "all",
        "ALL",
        "a11",
        "AlI",
        "here",
        "nobody",
        "me",
        "you",
        "null",
        "nu11",
        "login",
        "LOGlN",
        "guest",
        "Guest42",
        "GUEST-f6e17502",
        "gueѕt-f6e17502",
        "guest٢",
        "gúest-f6e17502",
    ] {
        assert!(matches!(refused(name), Some(Refusal::Reserved { .. })), "{name}: {:?}", refused(name));
    }
    for name in [
        "me2",
        "just-me",
        "co-op",
        "all-in",
        "servers",
        "observer",
        "modern",
        "modest",
        "supporter",
        "supports",
        "rooted",
        "beetroot",
        "administer",
        "op1",
        "you2",
        "here-b",
        "login2",
        "nobody7",
        "Ali",
        "ALI",
        "parlour",
        "model-7",
        "ecosystem",
        "systems",
        "Mo",
        "comod",
        "staffan",
        "mē",
        "öl",
    ] {
        assert_eq!(refused(name), None, "{name}");
    }
}

/// CASES C3.
#[test]
fn number_like_an_id_is_no_name() {
    for name in ["123456789", "4100000000", "1_2_3_4_5_6_7_8_9", "١٢٣٤٥٦٧٨٩", "१२३४५६७८९", "l23456789", "1O3456789"]
    {
        assert!(matches!(Nick::parse(name), Err(Refusal::AddressName { .. })), "{name}");
    }
    for name in ["12345678", "1", "१२३", "x123456789"] {
        assert!(Nick::parse(name).is_ok(), "{name}");
    }
}

#[test]
fn room_with_hiding_letters_is_refused() {
    for name in [
        "lobby\u{2d7f}",
        "lob\u{17d2}by",
        "lobby\u{338}",
        "lobb\u{1039}y",
        "di\u{307}sk",
        "سـلام",
        "7\u{301}",
        "e\u{301}\u{302}\u{303}",
        "x\u{20dd}",
        "\u{301}",
        "ᏣᎳᎩ",
    ] {
        assert!(RoomName::parse(name).is_err(), "{name:?}");
    }
    for (present, name) in [
        ("madina", "madlna-x"),
        ("dev", "dеv"),
        ("irem", "ırem"),
        ("iris", "lris"),
        ("ann-lee", "annーlee"),
        ("x", "dеv"),
        ("x", "αnn"),
    ] {
        let mut room = Room::of(&["ann", "zoe"]);
        room.join(ANN, present);
        let effects = room.types(BOB, &format!("/join {name}"));
        let is_refused = matches!(&effects[0], Effect::Tell(BOB, Notice::Refused(_)));
        assert_eq!(is_refused, name != "madlna-x", "{name} beside {present}: {effects:?}");
    }
    for name in ["İstanbul", "istanbul", "नेहा", "家族", "Ольга", "server", "all", "1-2-3-4", "c-ｄｅｖ", "Jürgen"]
    {
        assert!(RoomName::parse(name).is_ok(), "{name}");
    }
    assert_eq!(RoomName::parse("İstanbul"), RoomName::parse("istanbul"));
}
