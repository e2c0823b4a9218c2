//! The HTTP client: what counts as an answer, and what it never does.

use std::time::{Duration, Instant};

use storage::KeyRefusal;

use super::server::{Exchange, Expected, Reply, Server, exchange};
use super::{denied, unavailable};
use crate::service::{Answer, Client, Deadline, Request};

fn get(exchanges: Vec<Exchange>, deadline: Deadline) -> Result<Answer, KeyRefusal> {
    let server = Server::play(exchanges);
    let client = Client::new(None).unwrap();
    let request = Request::get(format!("{}/x", server.origin));
    let answer = client.ask(&request, deadline, |_| false);
    server.end();
    answer
}

fn said(status: u16, body: &str) -> Exchange {
    exchange("GET /x", Expected::Nothing, status, body)
}

fn raw(text: &str) -> Exchange {
    said(0, "").reply(Reply::Raw(text.as_bytes().to_vec()))
}

#[test]
fn an_answer_is_given_whatever_its_status() {
    for status in [200, 204, 400, 401, 403, 404, 405] {
        let body = if status == 204 { "" } else { "body" };
        let answer = get(vec![said(status, body)], Deadline::start()).unwrap();
        assert_eq!(answer.status, status);
        assert_eq!(answer.body.as_slice(), body.as_bytes());
    }
}

#[test]
fn an_overloaded_service_is_asked_three_times() {
    for status in [408, 412, 425, 429, 500, 502, 503, 504] {
        let answer = get(vec![said(status, ""), said(200, "ok")], Deadline::start());
        assert_eq!(answer.unwrap().status, 200);
        let thrice = (0..3).map(|_| said(status, "secret words")).collect();
        let why = unavailable(get(thrice, Deadline::start()));
        assert!(why.contains(&status.to_string()), "{why}");
        assert!(!why.contains("secret"), "{why}");
    }
}

#[test]
fn no_redirect_is_followed() {
    for status in [301, 302, 307, 308] {
        let text = format!("HTTP/1.1 {status} Away\r\nlocation: /y\r\ncontent-length: 0\r\n\r\n");
        let thrice = (0..3).map(|_| raw(&text)).collect();
        let why = unavailable(get(thrice, Deadline::start()));
        assert!(why.contains(&status.to_string()), "{why}");
    }
}

#[test]
fn what_is_no_answer_is_none() {
    let check = |text: &str, expected: &str| {
        let thrice = (0..3).map(|_| raw(text)).collect();
        let why = unavailable(get(thrice, Deadline::start()));
        assert!(why.contains(expected), "{text:.40}: {why}");
        assert!(!why.contains("secret"), "{why}");
    };
    check("", "it cannot be reached");
    check("secret garbage\r\n\r\n", "not HTTP");
    check(
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nsecret",
        "does not end",
    );
    let long = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: 65537\r\n\r\n{}",
        "x".repeat(65537)
    );
    check(&long, "too long");
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(65536));
    let endless = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}",
        chunk.repeat(3)
    );
    check(&endless, "too long");
    let header = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(20_000));
    check(&header, "too long");
}

/// A refusal counts, whatever text comes with it.
#[test]
fn a_refusal_with_an_endless_text_is_a_refusal() {
    let text = format!(
        "HTTP/1.1 403 No\r\ncontent-length: 99999\r\n\r\n{}",
        "x".repeat(99_999)
    );
    let answer = get(vec![raw(&text)], Deadline::start()).unwrap();
    assert_eq!((answer.status, answer.body.len()), (403, 0));
}

#[test]
fn a_slow_service_is_not_waited_for() {
    let slow = || said(0, "").reply(Reply::Silence(Duration::from_millis(300)));
    let begun = Instant::now();
    let deadline = Deadline::of(Duration::from_millis(450), Duration::from_millis(200));
    let why = unavailable(get(vec![slow(), slow()], deadline));
    assert!(why.contains("took too long"), "{why}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    // There is no time for an attempt at all.
    let over = Deadline::of(Duration::ZERO, Duration::from_secs(1));
    let why = unavailable(get(Vec::new(), over));
    assert!(why.contains("no time left"), "{why}");
}

#[test]
fn who_does_not_listen_is_unavailable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::new(None).unwrap();
    let request = Request::get(origin);
    let why = unavailable(client.ask(&request, Deadline::start(), |_| false));
    assert!(why.contains("cannot be reached"), "{why}");
}

/// A server without TLS, or with a certificate of nobody, is not talked to.
#[test]
fn tls_is_verified() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let talk = std::thread::spawn(move || {
        use std::io::{Read, Write};
        for _ in 0..3 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut begun = [0; 5];
            stream.read_exact(&mut begun).unwrap();
            // A TLS handshake, and not a request with its token.
            assert_eq!(begun[0], 22, "{begun:?}");
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        }
    });
    let client = Client::new(None).unwrap();
    let request = Request::get(format!("https://127.0.0.1:{port}/x"));
    unavailable(client.ask(&request, Deadline::start(), |_| false));
    talk.join().unwrap();
}

#[test]
fn certificates_are_read_or_refused() {
    for wrong in [
        &b""[..],
        b"text",
        b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n",
    ] {
        assert!(Client::new(Some(wrong)).is_err());
    }
}

#[test]
fn a_token_with_a_line_end_is_not_sent_and_not_shown() {
    let request = Request::get("http://127.0.0.1:1/".to_owned());
    let why = denied(request.secret("x-vault-token", "hvs.secret\r\nx-other: 1"));
    assert!(
        why.contains("x-vault-token") && !why.contains("secret"),
        "{why}"
    );
}
