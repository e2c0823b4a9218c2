//! One small HTTP client: TLS that is verified, no proxy, no redirects, answers of bounded length in bounded time.

use std::fmt;
use std::io::Read;
use std::time::Duration;

use storage::KeyRefusal;
use ureq::http::{HeaderName, HeaderValue};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, RequestBuilder};
use zeroize::Zeroizing;

use super::Deadline;

/// Answers of key services have a few hundred bytes, and tokens a few thousand.
const LONGEST: usize = 64 * 1024;
const LONGEST_HEADERS: usize = 16 * 1024;

/// A connection is closed after each answer: questions are minutes apart, and nothing of them stays in buffers.
pub(crate) struct Client {
    agent: Agent,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

/// A question. What it holds is overwritten when it is dropped, except for copies of the library.
pub(crate) struct Request {
    url: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    method: Method,
    body: Zeroizing<Vec<u8>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    #[cfg(any(test, feature = "aws-kms", feature = "azure-kv", feature = "gcp-kms"))]
    Get,
    Post,
    #[cfg(feature = "aws-kms")]
    Put,
}

/// What a service said, whatever the status.
pub(crate) struct Answer {
    pub status: u16,
    pub body: Zeroizing<Vec<u8>>,
}

impl Answer {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl Request {
    #[cfg(any(test, feature = "aws-kms", feature = "azure-kv", feature = "gcp-kms"))]
    pub fn get(url: String) -> Request {
        Request {
            url,
            headers: Vec::new(),
            method: Method::Get,
            body: Zeroizing::default(),
        }
    }

    /// With nothing in it.
    #[cfg(feature = "aws-kms")]
    pub fn put(url: String) -> Request {
        Request {
            method: Method::Put,
            ..Request::get(url)
        }
    }

    pub fn post(url: String, content: &'static str, body: Zeroizing<Vec<u8>>) -> Request {
        let kind = HeaderValue::from_static(content);
        Request {
            url,
            headers: vec![(ureq::http::header::CONTENT_TYPE, kind)],
            method: Method::Post,
            body,
        }
    }

    /// Adds a header that no log may show.
    pub fn secret(mut self, name: &'static str, value: &str) -> Result<Request, KeyRefusal> {
        let mut value = HeaderValue::from_str(value).map_err(|_| {
            KeyRefusal::Denied(format!(
                "what is to be sent as {name} has characters that cannot be sent; is it the right file or variable?"
            ))
        })?;
        value.set_sensitive(true);
        self.headers.push((HeaderName::from_static(name), value));
        Ok(self)
    }

    fn host(&self) -> &str {
        let rest = self.url.split_once("://").map_or("", |(_, rest)| rest);
        rest.split('/').next().unwrap_or_default()
    }
}

impl Client {
    /// `roots`: PEM certificates of those who may vouch for the service, in place of the public ones that Mozilla lists.
    pub fn new(roots: Option<&[u8]>) -> Result<Client, String> {
        let roots = match roots {
            Some(pem) => RootCerts::new_with_certs(&certificates(pem)?),
            None => RootCerts::WebPki,
        };
        let tls = TlsConfig::builder().root_certs(roots).build();
        let config = Agent::config_builder()
            .tls_config(tls)
            // The environment says where proxies are, and it must not say who hears of keys.
            .proxy(None)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .max_idle_connections(0)
            .max_response_header_size(LONGEST_HEADERS)
            .user_agent("peristyle")
            .build();
        Ok(Client {
            agent: config.new_agent(),
        })
    }

    /// Asks until there is an answer, or there is no time or attempt left. `again` says which answers are none.
    pub fn ask(
        &self,
        request: &Request,
        deadline: Deadline,
        again: impl Fn(&Answer) -> bool,
    ) -> Result<Answer, KeyRefusal> {
        let mut attempts = 0;
        let mut last = "there was no time left".to_owned();
        while let Some(time) = deadline.attempt() {
            match self.once(request, time) {
                Ok(answer) if is_no_answer(&answer) || again(&answer) => {
                    last = format!("it answers with status {}", answer.status);
                }
                Ok(answer) => return Ok(answer),
                Err(why) => last = why,
            }
            attempts += 1;
            if !deadline.pause(attempts) {
                break;
            }
        }
        let host = request.host();
        Err(KeyRefusal::Unavailable(format!(
            "no answer of {host}: {last}"
        )))
    }

    fn once(&self, request: &Request, time: Duration) -> Result<Answer, String> {
        let body = request.body.as_slice();
        let sent = match request.method {
            #[cfg(any(test, feature = "aws-kms", feature = "azure-kv", feature = "gcp-kms"))]
            Method::Get => with(self.agent.get(&request.url), request, time).call(),
            Method::Post => with(self.agent.post(&request.url), request, time).send(body),
            #[cfg(feature = "aws-kms")]
            Method::Put => with(self.agent.put(&request.url), request, time).send(body),
        };
        let response = sent.map_err(|error| in_words(&error))?;
        let status = response.status().as_u16();
        // In one buffer of the right size, so that no copies are left where nothing overwrites them.
        let mut body = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
        let reader = response.into_body().into_reader();
        let read = reader.take(LONGEST as u64 + 1).read_to_end(&mut body);
        let complete = read.is_ok() && body.len() <= LONGEST;
        match (complete, (200..300).contains(&status)) {
            (true, _) => Ok(Answer { status, body }),
            // A no is a no, whatever the text that comes with it.
            (false, false) => Ok(Answer {
                status,
                body: Zeroizing::default(),
            }),
            (false, true) if read.is_ok() => Err("its answer is too long".to_owned()),
            (false, true) => Err("its answer does not end".to_owned()),
        }
    }
}

fn with<B>(mut builder: RequestBuilder<B>, request: &Request, time: Duration) -> RequestBuilder<B> {
    for (name, value) in &request.headers {
        builder = builder.header(name.clone(), value.clone());
    }
    builder.config().timeout_global(Some(time)).build()
}

/// Whoever answers so is overloaded, on the way up or down, or not the one to ask.
fn is_no_answer(answer: &Answer) -> bool {
    matches!(answer.status, 0..=199 | 300..=399 | 408 | 412 | 421 | 425 | 429 | 500..)
}

/// The library's own texts may quote what a server sent.
fn in_words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => format!("it cannot be reached ({})", error.kind()),
        ureq::Error::Timeout(_) => "it took too long".to_owned(),
        ureq::Error::HostNotFound => "there is no such host".to_owned(),
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => {
            "its certificate is not trusted, or TLS failed".to_owned()
        }
        ureq::Error::LargeResponseHeader(..) => "its answer is too long".to_owned(),
        ureq::Error::Protocol(_) | ureq::Error::Http(_) => "its answer is not HTTP".to_owned(),
        _ => "the exchange failed".to_owned(),
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<ureq::tls::Certificate<'static>>, String> {
    let mut found = Vec::new();
    for item in parse_pem(pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => found.push(certificate),
            Ok(_) => {}
            Err(_) => return Err("the file of certificates is not in PEM form".to_owned()),
        }
    }
    if found.is_empty() {
        return Err("the file of certificates holds none".to_owned());
    }
    Ok(found)
}
