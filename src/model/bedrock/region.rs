//! Where Bedrock is.

use anyhow::{Context as _, anyhow};

use crate::http::Url;
use crate::inputs::Aws;
use crate::model::identity;

/// The region to ask in: an ARN's own, since it can be asked nowhere else, then
/// what the job says.
///
/// # Errors
/// Nobody says, or what is said is no region.
pub fn of(aws: &Aws, model: &str) -> anyhow::Result<String> {
    let of_arn = model.strip_prefix("arn:").and_then(|rest| rest.split(':').nth(2));
    let region = of_arn.filter(|region| !region.is_empty()).or(aws.region.as_deref());
    let region = region.context("no region for Amazon Bedrock: set `aws_region` or AWS_REGION")?;
    check(region)?;
    Ok(region.to_owned())
}

/// It becomes part of a host's name.
pub(super) fn check(region: &str) -> anyhow::Result<()> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if region.is_empty() || region.len() > 32 || !region.chars().all(plain) {
        return Err(anyhow!("`{}` is not a region of AWS", region.escape_debug()));
    }
    Ok(())
}

/// China has domains of its own.
pub(super) fn dns_suffix(region: &str) -> &'static str {
    if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
}

/// Bedrock's runtime in a region, unless AWS_ENDPOINT_URL_BEDROCK_RUNTIME names another place.
///
/// # Errors
/// The address cannot be used for secrets.
pub fn endpoint(aws: &Aws, region: &str) -> anyhow::Result<Url> {
    match &aws.bedrock_endpoint {
        Some(text) => identity::safe_url(text, "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"),
        None => {
            let url = format!("https://bedrock-runtime.{region}.{}/", dns_suffix(region));
            Url::parse(&url).context("cannot make Bedrock's address")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_is_the_arns_or_the_jobs() {
        let check = |model: &str, region: Option<&str>, expect: Option<&str>| {
            let aws = Aws { region: region.map(str::to_owned), ..Aws::default() };
            assert_eq!(of(&aws, model).ok().as_deref(), expect, "{model} {region:?}");
        };
        check("amazon.nova-pro-v1:0", Some("eu-west-1"), Some("eu-west-1"));
        check("amazon.nova-pro-v1:0", None, None);
        let arn = "arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.x";
        check(arn, None, Some("us-west-2"));
        check(arn, Some("eu-west-1"), Some("us-west-2"));
        check(
            "arn:aws:bedrock::123456789012:foundation-model/x",
            Some("eu-west-1"),
            Some("eu-west-1"),
        );
        check("x", Some("evil.example/"), None);
        check("arn:aws:bedrock:evil.example/:1:x", None, None);
        let aws = Aws::default();
        let endpoint = |region| endpoint(&aws, region).unwrap().to_string();
        assert_eq!(endpoint("eu-west-1"), "https://bedrock-runtime.eu-west-1.amazonaws.com/");
        assert_eq!(endpoint("cn-north-1"), "https://bedrock-runtime.cn-north-1.amazonaws.com.cn/");
    }
}
