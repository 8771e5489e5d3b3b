//! Bodies as senders make them, and as nobody should.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use reqwest::header::{HeaderMap, HeaderName};

use super::super::RawDelivery;
use super::*;

fn verified(headers: &[(&str, &str)], body: &[u8]) -> Verified {
    let headers =
        headers.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()));
    let body = Bytes::copy_from_slice(body);
    Verified::unsigned(RawDelivery { headers: HeaderMap::from_iter(headers), query: None, body })
}

fn read_with(headers: &[(&str, &str)], body: &[u8]) -> Body {
    read(&verified(headers, body)).unwrap()
}

/// The field `s`, where a subject is.
fn subject(headers: &[(&str, &str)], body: &[u8]) -> Option<String> {
    read_with(headers, body).json().get("s").text().map(str::to_owned)
}

fn plain(body: &str) -> Body {
    read_with(&[], body.as_bytes())
}

fn parsed(text: &str) -> Json {
    parse::parse(text, Mode::Exact).unwrap().json
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// As `serde_json` reads it, which is the measure for what is plain JSON.
fn by_the_book(value: &serde_json::Value) -> Json {
    use serde_json::Value;
    match value {
        Value::Null => Json::Null,
        Value::Bool(bool) => Json::Bool(*bool),
        Value::Number(number) => match number.as_u64() {
            Some(number) => Json::Number(number),
            None => Json::OtherNumber(number.to_string()),
        },
        Value::String(text) => Json::Text(text.clone()),
        Value::Array(items) => Json::List(items.iter().map(by_the_book).collect()),
        Value::Object(fields) => {
            Json::Object(fields.iter().map(|(name, value)| (name.clone(), by_the_book(value))).collect())
        }
    }
}

#[test]
fn plain_json_is_read_by_the_book_in_both_modes() {
    let mut chance = fastrand::Rng::with_seed(19);
    for _ in 0..500 {
        let value = invented(&mut chance, 0);
        for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            for mode in [Mode::Exact, Mode::Repair] {
                let read = parse::parse(&text, mode).map(|parsed| parsed.json);
                assert_eq!(read, Ok(by_the_book(&value)), "{mode:?} {text}");
            }
        }
    }
}

fn invented(chance: &mut fastrand::Rng, depth: usize) -> serde_json::Value {
    use serde_json::Value;
    let text = |chance: &mut fastrand::Rng| {
        // Without quotation marks, which repairing may take for another text's end.
        let letters =
            ['a', ' ', '{', '}', '[', ']', ':', ',', '\\', '/', '\n', '\u{1}', 'ü', '🔥', '\u{2028}', '7'];
        (0..chance.usize(..12)).map(|_| letters[chance.usize(..letters.len())]).collect::<String>()
    };
    match chance.u8(..if depth < 4 { 8 } else { 6 }) {
        0 => Value::Null,
        1 => Value::Bool(chance.bool()),
        2 => Value::from(chance.u64(..)),
        3 => Value::from(-1 - chance.i64(..i64::MAX)),
        4 => Value::from(0.5 + f64::from(chance.i32(..))),
        5 => Value::from(text(chance)),
        6 => (0..chance.usize(..5)).map(|_| invented(chance, depth + 1)).collect(),
        _ => (0..chance.usize(..5))
            .map(|index| (format!("{index}{}", text(chance)), invented(chance, depth + 1)))
            .collect(),
    }
}

#[test]
fn no_mutation_harms() {
    let mut chance = fastrand::Rng::with_seed(5);
    let bodies: [&[u8]; 5] = [
        br#"{"ticket_id":"40117","s":"Gr\u00fc\ud83d\ude00 \"x\"","tags":["a",{"b":[1.5e3,null,true]}]}"#,
        b"payload=%7B%22s%22%3A%22x%22%7D&a[b]=c",
        b"\xFF\xFE{\0\"\0s\0\"\0:\0\"\0x\0\"\0}\0",
        b"<ticket><ticket_id type=\"integer\">40117</ticket_id></ticket>",
        br#""{\"s\":\"{\\\"a\\\":1}\"}""#,
    ];
    for _ in 0..5_000 {
        let mut body = bodies[chance.usize(..bodies.len())].to_vec();
        for _ in 0..=chance.usize(..4) {
            let at = chance.usize(..body.len());
            match chance.u8(..4) {
                0 => body[at] = chance.u8(..),
                1 => body.truncate(at.max(1)),
                2 => body.insert(at, *chance.choice(b"\"\\{}[],:\0\xFF").unwrap()),
                _ => drop(body.remove(at)),
            }
            if body.is_empty() {
                body.push(b'{');
            }
        }
        if let Ok(body) = read(&verified(&[("content-type", "application/json")], &body)) {
            let _ = (body.json().get("s"), body.number_named(&["ticket_id"]), body.unreadable());
        }
    }
}

#[test]
fn what_is_valid_is_never_refused() {
    assert_eq!(subject(&[], br#"{"s":"cut \ud83d"}"#).as_deref(), Some("cut \u{FFFD}"));
    assert_eq!(subject(&[], br#"{"s":"\ude00\ud83d\ude00\ud83dx"}"#).as_deref(), Some("\u{FFFD}😀\u{FFFD}x"));
    assert_eq!(plain(r#"{"n":1e999,"s":"x"}"#).json().get("n"), &Json::OtherNumber("1e999".to_owned()));
    for levels in [130, 500_000] {
        let deep = format!(r#"{{"deep":{}1{},"s":"x"}}"#, "[".repeat(levels), "]".repeat(levels));
        assert_eq!(subject(&[], deep.as_bytes()).as_deref(), Some("x"), "{levels}");
    }
    let deep = format!(r#"{{"deep":{}"}}]"{},"s":"x"}}"#, r#"{"a":"#.repeat(200), "}".repeat(200));
    assert_eq!(subject(&[], deep.as_bytes()).as_deref(), Some("x"));
    assert_eq!(subject(&[], br#"{"s":"first","s":"second"}"#).as_deref(), Some("first"));
    for controls in ["x\r\n\ty", "\u{0}", "\u{7f}"] {
        assert_eq!(subject(&[], format!("{{\"s\":\"{controls}\"}}").as_bytes()).as_deref(), Some(controls));
    }
    // A backslash before a raw line break is meant as neither.
    assert_eq!(subject(&[], b"{\"s\":\"x\\\ny\"}").as_deref(), Some("x\ny"));
}

#[test]
fn whole_numbers_are_known_however_they_are_written() {
    for written in ["42", "42.0", "4.2e1", "420E-1", r#""42""#, r#"" 42 ""#, r#""42.0""#] {
        assert_eq!(parsed(written).number(), Some(42), "{written}");
    }
    for written in ["42.5", "-42", "1e999", "9007199254740993.0", r#""42.5""#, r#""4e1""#, r#"".0""#] {
        assert_eq!(parsed(written).number(), None, "{written}");
    }
    assert_eq!(parsed("99999999999999999999999"), Json::OtherNumber("99999999999999999999999".to_owned()));
    for wrong in ["042", "1.", ".5", "+5", "1e", "0x10", "--1", "1_000"] {
        assert!(parse::parse(wrong, Mode::Exact).is_err(), "{wrong}");
    }
}

#[test]
fn very_many_values_are_not_kept() {
    let many = (0..70_000).map(|n| format!("\"f{n}\":{n}")).collect::<Vec<_>>().join(",");
    let body = plain(&format!("{{\"fields\":{{{many}}},\"s\":\"x\"}}"));
    assert_eq!(body.json().get("s").text(), Some("x"), "what comes after them is kept");
    let Json::Object(fields) = body.json().get("fields") else { panic!() };
    assert_eq!(fields.len(), 5_000);
    // What was not kept is looked for, as in what can't be read.
    let late = plain(&format!("{{{many},\"ticket_id\":40117}}"));
    assert_eq!(late.number_named(&["ticket_id"]), Some(40117));
}

#[test]
fn compressed_bodies_are_read() {
    let body = br#"{"s":"compressed"}"#;
    let zlib = {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    };
    let raw_deflate = {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    };
    let cases: [(&str, &[u8]); 7] = [
        ("gzip", &gzip(body)),
        ("X-GZIP", &gzip(body)),
        ("gzip", &[gzip(b"{\"s\":"), gzip(b"\"compressed\"}")].concat()),
        ("", &gzip(body)),
        ("deflate", &zlib),
        ("deflate", &raw_deflate),
        ("identity", body),
    ];
    for (coding, body) in cases {
        assert_eq!(subject(&[("content-encoding", coding)], body).as_deref(), Some("compressed"), "{coding}");
    }
}

#[test]
fn what_cannot_be_decompressed_is_refused_in_words() {
    let bomb = gzip(&vec![b' '; 9 << 20]);
    assert!(bomb.len() < 100_000);
    let refused =
        |coding: &str, body: &[u8]| read(&verified(&[("content-encoding", coding)], body)).unwrap_err();
    assert!(matches!(refused("gzip", &bomb), NoTarget::TooLarge(why) if why.0.contains("8388608 bytes")));
    assert!(matches!(refused("br", b"x"), NoTarget::Unsupported(why) if why.0.contains("gzip or deflate")));
    assert!(matches!(refused("gzip, gzip", b"x"), NoTarget::Unsupported(_)));
    for (coding, body) in [("gzip", &b"{}"[..]), ("gzip", &bomb[..500]), ("deflate", b"{}"), ("gzip", b"")] {
        assert!(
            matches!(refused(coding, body), NoTarget::NotUnderstood(why) if why.0.contains("can't be decompressed"))
        );
    }
}

#[test]
fn charsets_are_known_by_their_name_or_their_mark() {
    let text = r#"{"s":"Grüße €"}"#;
    let utf_16 = |little: bool| {
        let bytes = |unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() };
        text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>()
    };
    let with_mark = |mark: &[u8], bytes: Vec<u8>| [mark, &bytes].concat();
    let latin = b"{\"s\":\"Gr\xFC\xDFe \x80\"}".to_vec();
    let cases: [(&str, Vec<u8>); 11] = [
        ("application/json", text.into()),
        ("application/json; charset=UTF-8", with_mark(b"\xEF\xBB\xBF", text.into())),
        ("application/json; charset=ISO-8859-1", latin.clone()),
        ("text/plain;charset=\"windows-1252\"", latin),
        ("application/json; charset=utf-16", with_mark(b"\xFF\xFE", utf_16(true))),
        ("application/json; charset=utf-16", with_mark(b"\xFE\xFF", utf_16(false))),
        ("application/json; charset=utf-16", utf_16(false)),
        ("application/json; charset=utf-16le", utf_16(true)),
        ("application/json", utf_16(true)),
        ("application/json", utf_16(false)),
        ("application/json; charset=utf-16", text.into()),
    ];
    for (content_type, body) in cases {
        let read = subject(&[("content-type", content_type)], &body);
        assert_eq!(read.as_deref(), Some("Grüße €"), "{content_type} {body:?}");
    }
    let compressed = [("content-encoding", "gzip"), ("content-type", "application/json; charset=latin1")];
    assert_eq!(subject(&compressed, &gzip(b"{\"s\":\"\xFC\"}")).as_deref(), Some("ü"));
    assert_eq!(subject(&[], b"{\"s\":\"\xFF\xFE\"}").as_deref(), Some("\u{FFFD}\u{FFFD}"));
    let unknown = [("content-type", "application/json; charset=klingon")];
    assert_eq!(subject(&unknown, b"{\"s\":\"x\"}").as_deref(), Some("x"), "it is UTF-8 all the same");
    let refused = read(&verified(&unknown, b"{\"s\":\"\xFF\"}")).unwrap_err();
    assert!(matches!(refused, NoTarget::Unsupported(why) if why.0.contains("send UTF-8")));
}

#[test]
fn forms_are_read() {
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let payload = b"payload=%7B%22s%22%3A%22Gr%C3%BC%C3%9Fe+%26+%22%7D&token=x";
    assert_eq!(subject(&form, payload).as_deref(), Some("Grüße & "));
    assert_eq!(subject(&[], payload).as_deref(), Some("Grüße & "), "whatever its type is said to be");
    assert_eq!(subject(&form, br#"{"s":"a=b"}"#).as_deref(), Some("a=b"), "curl -d says so of JSON, too");
    let latin = [("content-type", "application/x-www-form-urlencoded; charset=iso-8859-1")];
    assert_eq!(subject(&latin, b"s=Gr%FC%DFe").as_deref(), Some("Grüße"));
    let nested =
        read_with(&form, b"s=x&requester[name]=Rita&requester[email]=r%40x.example&tags[]=a&tags[]=b&empty=");
    let text = |text: &str| Json::Text(text.to_owned());
    assert_eq!(nested.json().get("requester").get("email"), &text("r@x.example"));
    assert_eq!(nested.json().get("tags"), &Json::List(vec![text("a"), text("b")]));
    assert_eq!((nested.json().get("empty"), nested.is_form()), (&text(""), true));
    // JSON that is broken is no form, whatever it holds.
    assert!(!plain(r#"{"s":"x"y"&ticket_id=1}"#).is_form());
    let refused =
        read(&verified(&[("content-type", "multipart/form-data; boundary=x")], b"--x")).unwrap_err();
    assert!(matches!(refused, NoTarget::Unsupported(_)));
}

#[test]
fn json_may_be_a_text_within_json() {
    assert_eq!(subject(&[], br#""{\"s\":\"x\"}""#).as_deref(), Some("x"));
    assert_eq!(subject(&[], br#""\"{\\\"s\\\":\\\"x\\\"}\"""#).as_deref(), Some("x"));
    assert_eq!(subject(&[], b"payload=%22%7B%5C%22s%5C%22%3A%5C%22x%5C%22%7D%22").as_deref(), Some("x"));
}

#[test]
fn what_templates_break_is_repaired() {
    let cases = [
        (r#"{"id":"1","s":"Export of "Q3" fails","t":"y"}"#, r#"Export of "Q3" fails"#),
        (r#"{"id":"1","s":""quoted"","t":"y"}"#, r#""quoted""#),
        (r#"{"id":"1","s":"ends with a quote"","t":"y"}"#, r#"ends with a quote""#),
        (r#"{"id":"1","s":"lists "a", "b" and "c" here"}"#, r#"lists "a", "b" and "c" here"#),
        (r#"{"id":"1","s":"a "brace"} in it"}"#, r#"a "brace"} in it"#),
        (r#"{"id":"1","s":"C:\Windows\xyz"}"#, r#"C:\Windows\xyz"#),
        (r#"{"id":"1","s":"ends with a backslash\"}"#, r"ends with a backslash\"),
        ("{\"id\":\"1\",\"s\":\"a \"b\"\r\nc\",}", "a \"b\"\r\nc"),
        (r#"{"id":1,"priority":,"s":"x"}"#, "x"),
        (r#"{"id":"1" "s":"no comma"}"#, "no comma"),
        (r#"{"id":1,"status":in progress,"assignee":None,"s":"x"}"#, "x"),
        (r#"{"id":1,"tags":["a "b" c",],"s":"x"}"#, "x"),
    ];
    for (body, expected) in cases {
        let read = plain(body);
        assert_eq!(read.json().get("s").text(), Some(expected), "{body}");
        assert_eq!(read.json().any(&["id"]).number(), Some(1), "{body}");
        assert!(read.was_broken(), "{body}");
    }
    let words = plain(r#"{"status":in progress,"a":None,"b":True,"s":"x""#.trim_end());
    assert!(words.unreadable().is_some(), "a body that is cut off is not guessed at");
    let tags = plain(r#"{"tags":["a "b" c","d"],"s":"x"}"#);
    let Json::List(items) = tags.json().get("tags") else { panic!() };
    assert_eq!(items.iter().filter_map(Json::text).collect::<Vec<_>>(), [r#"a "b" c"#, "d"]);
}

#[test]
fn what_cannot_be_read_is_told_where_it_stops_and_what_it_may_be() {
    let said = |body: &str| plain(body).unreadable().unwrap_or_default().to_owned();
    let cases = [
        ("", "empty"),
        (" \r\n", "empty"),
        ("<!DOCTYPE html><title>Sign in</title>", "HTML page"),
        ("<?xml version=\"1.0\"?><ticket/>", "XML"),
        ("hello rita", "plain text"),
        ("{{ticket.id}}", "placeholder that was not filled in"),
        ("{\"a\":1,\n \"ticketId\":{{ticket.id}},\"s\":\"x\"}", "line 2, column 14"),
        ("{\"a\":1,\n \"ticketId\":{{ticket.id}},\"s\":\"x\"}", "placeholder that was not filled in"),
        (r#"{"ticketId":"1","s":"cut"#, "cut off after 24 bytes"),
        (r#"{"ticketId":"1""#, "cut off after 15 bytes"),
        ("{'ticketId':'1'}", "single quotation marks"),
        (r#"{"ü":1 2}"#, "line 1, column 8"),
        (r#"{"ticketId":"1"}{"ticketId":"2"}"#, "more after the end"),
        ("\0\x01\x02", "binary"),
        ("--x\r\nContent-Disposition: form-data", "multipart"),
    ];
    for (body, expected) in cases {
        let said = said(body);
        assert!(said.contains(expected), "{body}: {said}");
        assert!(!said.contains("rita") && !said.contains("Sign"), "{said}");
    }
    assert!(said(&format!("{{\"a\":{}", "[".repeat(1 << 20))).contains("cut off"));
    assert!(said(&format!("{{\"a\":{}", "{\"a\":".repeat(100_000))).contains("cut off"));
}

/// Each would take minutes if some place looked through the rest of the body again and again.
#[test]
fn no_body_takes_longer_than_its_length() {
    let (spaces, half) = (" ".repeat(500_000), 100_000);
    for body in [
        format!("{{\"s\":\"{}{spaces}", "\\\"}".repeat(half)),
        format!("{{\"s\":\"{}{spaces}", "\"".repeat(half)),
        format!("{{\"s\":\"{}{spaces}", "\",\"".repeat(half)),
        format!("{{\"s\":\"{}{spaces}", "\",\"a\"".repeat(half)),
        format!("{{\"s\":[{}", "\"x\"y\",".repeat(half)),
        format!("{}{}", "{\"s\":".repeat(half), "}".repeat(half)),
        "<ticket_id".repeat(half),
        "\"ticket_id\":\"".repeat(half),
        "a[b".repeat(half),
        format!("a[]={}", "&a[]=".repeat(half)),
        "\\ud83d".repeat(half),
        format!("\"{}", "\\\"".repeat(half)),
        "{{".repeat(half),
    ] {
        let read = plain(&body);
        assert_eq!(read.number_named(&["ticket_id", "ticketId"]), None, "{body:.40}");
    }
}

#[test]
fn numbers_are_looked_for_in_what_cannot_be_read() {
    let number = |body: &str| plain(body).number_named(&["ticket_id", "ticketId"]);
    assert_eq!(number(r#"{"ticket_id":"40117","s":"cut \ud83"#), Some(40117));
    assert_eq!(number("<ticket><ticket_id type=\"integer\"> 40117 </ticket_id></ticket>"), Some(40117));
    assert_eq!(number("<ticketId>40117</ticketId>"), Some(40117));
    assert_eq!(number("<ticket_ids>1</ticket_ids><ticket_id/><ticket_id>7<"), Some(7));
    assert_eq!(number(r#"{"other":"\"ticket_id\":\"1\""}"#), None, "what was read is not looked through");
    assert_eq!(number("<ticket_id"), None);
}
