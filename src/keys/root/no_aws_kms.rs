//! AWS KMS in a build without the feature `aws-kms`: says so.

use std::time::Duration;

use zeroize::Zeroizing;

use super::failure::{Failure, Final};
use super::wrapped::Wrapped;
use crate::config::AwsKmsKey;

/// Says that it is not built in.
pub(super) async fn wrap(_: &AwsKmsKey, _: Duration, _: &[u8; 32], _: &str) -> Result<Wrapped, Failure> {
    Err(Failure::Final(Final::NotBuilt, String::new()))
}

/// Says that it is not built in.
pub(super) async fn unwrap(
    _: &AwsKmsKey,
    _: Duration,
    _: &Wrapped,
    _: &str,
) -> Result<Zeroizing<[u8; 32]>, Failure> {
    Err(Failure::Final(Final::NotBuilt, String::new()))
}
