//! Who asks: credentials from the environment, a profile, a web identity, a container or the machine, in the order in which AWS's
//! own tools look for them.

use std::path::PathBuf;
use std::time::Duration;

use aws_credential_types::Credentials;
use serde::Deserialize;
use storage::KeyRefusal;
use zeroize::Zeroizing;

use super::name::Name;
use crate::service::{Address, Answer, Client, Deadline, Json, Request, form};
use crate::surroundings::{Surroundings, secret_file};

/// Where metadata of containers and of machines are.
const CONTAINER: &str = "http://169.254.170.2";
const MACHINE: &str = "http://169.254.169.254";

/// Where credentials are looked for.
#[derive(Debug)]
pub(super) struct Sources {
    profile: Option<String>,
    surroundings: Surroundings,
}

/// What the metadata services give.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    access_key_id: String,
    secret_access_key: Zeroizing<String>,
    #[serde(default)]
    token: Option<Zeroizing<String>>,
    #[serde(default)]
    expiration: Option<String>,
}

type Found = (Credentials, Duration);

impl Sources {
    pub fn new(profile: Option<String>, surroundings: Surroundings) -> Sources {
        Sources {
            profile,
            surroundings,
        }
    }

    /// Credentials, and for how long they may be kept. Those that lie on this machine are looked up each time.
    pub fn fetch(
        &self,
        client: &Client,
        name: &Name,
        deadline: Deadline,
    ) -> Result<Found, KeyRefusal> {
        let get = |variable: &str| self.surroundings.get(variable);
        if let Some(profile) = &self.profile {
            return self.profile(profile)?.ok_or_else(|| missing(profile));
        }
        if let (Some(id), Some(secret)) = (get("AWS_ACCESS_KEY_ID"), get("AWS_SECRET_ACCESS_KEY")) {
            let token = get("AWS_SESSION_TOKEN");
            return Ok((credentials(&id, &secret, token.as_ref()), Duration::ZERO));
        }
        if let Some(profile) = get("AWS_PROFILE") {
            return self.profile(&profile)?.ok_or_else(|| missing(&profile));
        }
        if let Some(found) = self.profile("default")? {
            return Ok(found);
        }
        if let (Some(file), Some(role)) = (get("AWS_WEB_IDENTITY_TOKEN_FILE"), get("AWS_ROLE_ARN"))
        {
            return self.web_identity(client, name, &file, &role, deadline);
        }
        if let Some(request) = self.container()? {
            let answer = client.ask(&request, deadline, |_| false)?;
            return given(&answer, "the container's credentials");
        }
        if get("AWS_EC2_METADATA_DISABLED").is_some_and(|v| v.eq_ignore_ascii_case("true")) {
            return Err(nowhere());
        }
        self.machine(client, deadline)
    }

    /// Keys of a profile in the file of shared credentials. None: there is no such file, or no such profile.
    fn profile(&self, profile: &str) -> Result<Option<Found>, KeyRefusal> {
        let named = self.surroundings.get("AWS_SHARED_CREDENTIALS_FILE");
        let at_home = || {
            let home = self.surroundings.get("HOME")?;
            Some(PathBuf::from(home.as_str()).join(".aws/credentials"))
        };
        let Some(path) = named
            .map(|path| PathBuf::from(path.as_str()))
            .or_else(at_home)
        else {
            return Ok(None);
        };
        if !path.exists() {
            return Ok(None);
        }
        let text = secret_file(&path)?;
        let of = |key: &str| value_in(&text, profile, key);
        match (of("aws_access_key_id"), of("aws_secret_access_key")) {
            (Some(id), Some(secret)) => {
                let token = of("aws_session_token").map(|token| Zeroizing::new(token.to_owned()));
                Ok(Some((
                    credentials(id, secret, token.as_ref()),
                    Duration::ZERO,
                )))
            }
            _ => Ok(None),
        }
    }

    /// A token of another identity provider, such as Kubernetes, for credentials of a role.
    fn web_identity(
        &self,
        client: &Client,
        name: &Name,
        file: &str,
        role: &str,
        deadline: Deadline,
    ) -> Result<Found, KeyRefusal> {
        let wrong =
            |why: String| KeyRefusal::Denied(format!("the security token service of AWS: {why}"));
        let endpoint = match self.surroundings.get("AWS_ENDPOINT_URL_STS") {
            Some(url) => url.to_string(),
            None => name.endpoint("sts").map_err(wrong)?,
        };
        let address = Address::alone(&endpoint).map_err(wrong)?;
        let token = secret_file(std::path::Path::new(file))?;
        let session = self.surroundings.get("AWS_ROLE_SESSION_NAME");
        let body = form(&[
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", "2011-06-15"),
            ("RoleArn", role),
            (
                "RoleSessionName",
                session.as_ref().map_or("peristyle", |s| s),
            ),
            ("WebIdentityToken", &token),
        ]);
        let request = Request::post(address.at("/"), "application/x-www-form-urlencoded", body);
        let answer = client.ask(&request, deadline, |_| false)?;
        if !answer.is_success() {
            return Err(wrong(format!(
                "it does not take the token for the role (status {})",
                answer.status
            )));
        }
        assumed(&answer).ok_or_else(|| {
            KeyRefusal::Unavailable(format!("{address} does not answer as AWS STS does"))
        })
    }

    /// The question for the credentials of a container. None: this is none.
    fn container(&self) -> Result<Option<Request>, KeyRefusal> {
        let get = |variable: &str| self.surroundings.get(variable);
        let url = match (
            get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
            get("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
        ) {
            (Some(path), _) => format!("{CONTAINER}{}", path.as_str()),
            (None, Some(url)) => url.to_string(),
            (None, None) => return Ok(None),
        };
        let wrong =
            |why| KeyRefusal::Denied(format!("the address of the container's credentials: {why}"));
        let (address, path) = Address::parse(&url).map_err(wrong)?;
        let request = Request::get(address.at(if path.is_empty() { "/" } else { path }));
        let token = match get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
            Some(file) => Some(secret_file(std::path::Path::new(file.as_str()))?),
            None => get("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
        };
        Ok(Some(match token {
            Some(token) => request.secret("authorization", &token)?,
            None => request,
        }))
    }

    /// The role of the machine, by version 2 of its metadata service.
    fn machine(&self, client: &Client, deadline: Deadline) -> Result<Found, KeyRefusal> {
        let wrong = |why| KeyRefusal::Denied(format!("the metadata service of AWS: {why}"));
        let address = match self.surroundings.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") {
            Some(url) => Address::alone(&url).map_err(wrong)?,
            None => Address::alone(MACHINE).map_err(wrong)?,
        };
        let ask = |request: Request| -> Result<Answer, KeyRefusal> {
            let answer = client.ask(&request, deadline, |_| false)?;
            if answer.is_success() {
                Ok(answer)
            } else {
                Err(nowhere())
            }
        };
        let request = Request::put(address.at("/latest/api/token"))
            .secret("x-aws-ec2-metadata-token-ttl-seconds", "60")?;
        let token = ask(request)?;
        let token = text_of(&token).ok_or_else(nowhere)?;
        let at =
            |path: &str| Request::get(address.at(path)).secret("x-aws-ec2-metadata-token", &token);
        let roles = ask(at("/latest/meta-data/iam/security-credentials/")?)?;
        let role = text_of(&roles).ok_or_else(nowhere)?;
        let role = role.lines().next().unwrap_or_default();
        let named = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
        if role.is_empty() || !role.chars().all(named) {
            return Err(nowhere());
        }
        let path = format!("/latest/meta-data/iam/security-credentials/{role}");
        given(&ask(at(&path)?)?, "the machine's credentials")
    }
}

fn credentials(id: &str, secret: &str, token: Option<&Zeroizing<String>>) -> Credentials {
    Credentials::new(
        id,
        secret,
        token.map(|token| token.to_string()),
        None,
        "peristyle",
    )
}

fn missing(profile: &str) -> KeyRefusal {
    KeyRefusal::Denied(format!(
        "the file of AWS credentials has no keys for the profile '{profile}'; profiles that name a role, a program or a sign-on are not acted on"
    ))
}

fn nowhere() -> KeyRefusal {
    KeyRefusal::Denied(
        "there are no AWS credentials: not in the environment, in a profile, by a web identity, nor of the container or machine"
            .to_owned(),
    )
}

fn text_of(answer: &Answer) -> Option<Zeroizing<String>> {
    let text = std::str::from_utf8(&answer.body).ok()?.trim();
    (!text.is_empty()).then(|| Zeroizing::new(text.to_owned()))
}

fn given(answer: &Answer, what: &str) -> Result<Found, KeyRefusal> {
    if !answer.is_success() {
        return Err(KeyRefusal::Denied(format!(
            "{what} are refused with status {}",
            answer.status
        )));
    }
    let given: Given = Json::read(&answer.body)?;
    let left = given.expiration.as_deref().and_then(left_until);
    let found = credentials(
        &given.access_key_id,
        &given.secret_access_key,
        given.token.as_ref(),
    );
    Ok((found, left.unwrap_or_default()))
}

/// The credentials in an answer of the security token service.
fn assumed(answer: &Answer) -> Option<Found> {
    let text = std::str::from_utf8(&answer.body).ok()?;
    let document = roxmltree::Document::parse(text).ok()?;
    // The namespace says the version of the service; the names in it do not differ.
    let is = |node: &roxmltree::Node<'_, '_>, name: &str| node.tag_name().name() == name;
    let parent = document
        .descendants()
        .find(|node| is(node, "Credentials"))?;
    let of = |name: &str| parent.children().find(|node| is(node, name))?.text();
    let token = Zeroizing::new(of("SessionToken")?.to_owned());
    let found = credentials(of("AccessKeyId")?, of("SecretAccessKey")?, Some(&token));
    let left = of("Expiration").and_then(left_until).unwrap_or_default();
    Some((found, left))
}

fn left_until(time: &str) -> Option<Duration> {
    let end = chrono::DateTime::parse_from_rfc3339(time).ok()?;
    let left = end.with_timezone(&chrono::Utc) - chrono::Utc::now();
    left.to_std().ok()
}

/// A value in a section of a file such as `[default]`, `key = value`.
fn value_in<'a>(text: &'a str, section: &str, key: &str) -> Option<&'a str> {
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            inside = name.trim() == section;
        } else if inside
            && let Some((name, value)) = line.split_once('=')
            && name.trim() == key
        {
            return Some(value.trim()).filter(|value| !value.is_empty());
        }
    }
    None
}
