//! Which key, and where.

use crate::surroundings::Surroundings;

/// A key in a region.
#[derive(Debug)]
pub(crate) struct Name {
    /// As AWS takes it: an ARN, an id, or `alias/NAME`.
    pub key: String,
    pub region: String,
}

impl Name {
    /// The region is in the ARN, in the option, or in the environment, in this order.
    pub fn parse(
        key: &str,
        option: Option<String>,
        surroundings: &Surroundings,
    ) -> Result<Name, String> {
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | ':');
        if key.is_empty() || key.len() > 2048 || !key.chars().all(known) {
            return Err("after aws-kms: stands an ARN, the id of a key, or alias/NAME".to_owned());
        }
        let in_arn = match key.strip_prefix("arn:") {
            Some(rest) => Some(region_of(rest).ok_or(
                "the ARN is not arn:aws:kms:REGION:ACCOUNT:key/ID or arn:aws:kms:REGION:ACCOUNT:alias/NAME",
            )?),
            None if key.contains(':') => {
                return Err("only an ARN has colons".to_owned());
            }
            None => None,
        };
        let region = match (in_arn, option) {
            (Some(region), Some(other)) if region != other => {
                return Err(format!(
                    "the ARN is of {region}, and the option says another region"
                ));
            }
            (Some(region), _) => region.to_owned(),
            (None, Some(region)) => region,
            (None, None) => ["AWS_REGION", "AWS_DEFAULT_REGION"]
                .iter()
                .find_map(|name| surroundings.get(name))
                .map(|region| region.to_string())
                .ok_or("there is no region: give region=REGION, an ARN, or AWS_REGION")?,
        };
        if !is_region(&region) {
            return Err("a region is written like eu-central-1".to_owned());
        }
        Ok(Name {
            key: key.to_owned(),
            region,
        })
    }

    /// Where a service of the region is.
    pub fn endpoint(&self, service: &str) -> Result<String, String> {
        let region = &self.region;
        if region.starts_with("us-iso") || region.starts_with("eu-isoe") {
            return Err(format!(
                "say where AWS is in {region} with endpoint=https://HOST"
            ));
        }
        let china = if region.starts_with("cn-") { ".cn" } else { "" };
        Ok(format!("https://{service}.{region}.amazonaws.com{china}"))
    }
}

/// The region becomes a part of a host.
fn is_region(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !text.is_empty() && text.len() <= 32 && !text.starts_with('-') && text.bytes().all(plain)
}

fn region_of(arn: &str) -> Option<&str> {
    let parts: Vec<&str> = arn.split(':').collect();
    let [partition, "kms", region, account, key] = parts.as_slice() else {
        return None;
    };
    let named = key
        .strip_prefix("key/")
        .or_else(|| key.strip_prefix("alias/"));
    let account_good = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    let good = partition.starts_with("aws") && account_good && named.is_some_and(|n| !n.is_empty());
    good.then_some(*region)
}
