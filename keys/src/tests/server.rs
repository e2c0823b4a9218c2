//! A little HTTP server on this machine that plays recorded exchanges: it knows what it must be asked, and in which order.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

/// One question and its answer.
pub struct Exchange {
    /// Such as `POST /v1/transit/encrypt/k`.
    line: String,
    /// Headers that must be there, with their whole value; names in lower case. `None`: must not be there.
    headers: Vec<(&'static str, Option<String>)>,
    body: Expected,
    answer: Reply,
}

/// What the body of a question must be.
pub enum Expected {
    Nothing,
    Json(Value),
    Text(String),
    /// Whatever this finds no fault with.
    Fits(Box<dyn Fn(&str) -> bool + Send>),
}

pub enum Reply {
    Answer(u16, String),
    /// Bytes that need not be HTTP.
    Raw(Vec<u8>),
    /// Nothing for so long.
    Silence(Duration),
}

/// What a client asked.
pub struct Asked {
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }
}

pub fn exchange(line: &str, body: Expected, status: u16, answer: impl ToString) -> Exchange {
    Exchange {
        line: line.to_owned(),
        headers: Vec::new(),
        body,
        answer: Reply::Answer(status, answer.to_string()),
    }
}

impl Exchange {
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Exchange {
        self.headers.push((name, Some(value.into())));
        self
    }

    pub fn no_header(mut self, name: &'static str) -> Exchange {
        self.headers.push((name, None));
        self
    }

    pub fn reply(mut self, reply: Reply) -> Exchange {
        self.answer = reply;
        self
    }

    fn fault(&self, asked: &Asked) -> Option<String> {
        if asked.line != self.line {
            return Some(format!("asked {} in place of {}", asked.line, self.line));
        }
        for (name, value) in &self.headers {
            if asked.header(name) != value.as_deref() {
                return Some(format!("header {name} is {:?}", asked.header(name)));
            }
        }
        let fits = match &self.body {
            Expected::Nothing => asked.body.is_empty(),
            Expected::Json(value) => {
                serde_json::from_str::<Value>(&asked.body).is_ok_and(|found| found == *value)
            }
            Expected::Text(text) => asked.body == *text,
            Expected::Fits(fits) => fits(&asked.body),
        };
        (!fits).then(|| format!("the body of {} is {}", asked.line, asked.body))
    }
}

/// Plays its exchanges once, in order, one for each connection.
pub struct Server {
    pub origin: String,
    playing: Option<JoinHandle<Vec<Asked>>>,
    port: u16,
}

impl Server {
    pub fn play(exchanges: Vec<Exchange>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let playing = thread::spawn(move || {
            let mut all = Vec::new();
            for exchange in exchanges {
                let (mut stream, _) = listener.accept().unwrap();
                let asked = read(&mut stream);
                assert_ne!(asked.line, "END", "{} was never asked", exchange.line);
                if let Some(fault) = exchange.fault(&asked) {
                    answer(&mut stream, 500, "");
                    panic!("{fault}");
                }
                match &exchange.answer {
                    Reply::Answer(status, body) => answer(&mut stream, *status, body),
                    // Who asked may have gone before all was said.
                    Reply::Raw(bytes) => drop(stream.write_all(bytes)),
                    Reply::Silence(time) => thread::sleep(*time),
                }
                all.push(asked);
            }
            all
        });
        Server {
            origin: format!("http://127.0.0.1:{port}"),
            playing: Some(playing),
            port,
        }
    }

    /// All was asked as it should be.
    pub fn end(mut self) -> Vec<Asked> {
        // Wakes a server that still waits for a question, so that it says which.
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) {
            let _ = stream.write_all(b"END\r\n\r\n");
        }
        match self.playing.take().unwrap().join() {
            Ok(asked) => asked,
            Err(fault) => std::panic::resume_unwind(fault),
        }
    }
}

fn read(stream: &mut TcpStream) -> Asked {
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let mut reader = BufReader::new(stream);
    let mut next = || {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    };
    let line = next();
    let mut headers = Vec::new();
    loop {
        let line = next();
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    Asked {
        line: line.trim_end_matches(" HTTP/1.1").to_owned(),
        headers,
        body: String::from_utf8(body).unwrap(),
    }
}

fn answer(stream: &mut TcpStream, status: u16, body: &str) {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Said\r\ncontent-length: {length}\r\n\r\n");
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body.as_bytes());
}
