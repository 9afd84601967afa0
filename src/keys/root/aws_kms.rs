//! AWS KMS: `Encrypt` and `Decrypt` of a root key, with the keyring's UUID as encryption context.
//!
//! Credentials come from the SDK's standard chain (environment, shared files, web identity, containers, instances),
//! anew for each attempt, so that rotated ones are found. Repetition is not left to the SDK: it is bounded in one
//! place for all providers.

use std::error::Error as StdError;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_kms::Client;
use aws_sdk_kms::config::Region;
use aws_sdk_kms::config::http::HttpResponse;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_smithy_http_client::Builder as HttpClient;
use aws_smithy_http_client::tls::Provider as Tls;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use zeroize::Zeroizing;

use super::failure::{Failure, Final, Passing, said};
use super::wrapped::{Provider, Wrapped};
use crate::config::AwsKmsKey;

/// The key of the encryption context.
const CONTEXT: &str = "pyrite";

/// Wraps a root key.
pub(super) async fn wrap(
    config: &AwsKmsKey,
    attempt: Duration,
    key: &[u8; 32],
    context: &str,
) -> Result<Wrapped, Failure> {
    let request = client(config, attempt).await.encrypt();
    let request = request.key_id(&config.key).plaintext(Blob::new(*key)).encryption_context(CONTEXT, context);
    let answer = request.send().await.map_err(failure)?;
    let malformed = || Failure::Final(Final::Malformed, "no ciphertext in its answer".to_owned());
    let body = answer.ciphertext_blob.ok_or_else(malformed)?.into_inner();
    // The ARN says more than an alias, which may come to mean another key.
    let key = answer.key_id.unwrap_or_else(|| config.key.clone());
    Ok(Wrapped { provider: Provider::AwsKms, key, body })
}

/// Opens a wrapped root key.
pub(super) async fn unwrap(
    config: &AwsKmsKey,
    attempt: Duration,
    wrapped: &Wrapped,
    context: &str,
) -> Result<Zeroizing<[u8; 32]>, Failure> {
    // With the configured key and no other: whoever can write to the database could name one of their own.
    let request = client(config, attempt).await.decrypt().key_id(&config.key);
    let request =
        request.ciphertext_blob(Blob::new(wrapped.body.clone())).encryption_context(CONTEXT, context);
    let answer = request.send().await.map_err(failure)?;
    let opened = answer.plaintext.map(|blob| Zeroizing::new(blob.into_inner()));
    let key = opened.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
    let wrong = || Failure::Final(Final::WrongKey, "what it opened is no root key".to_owned());
    key.map(Zeroizing::new).ok_or_else(wrong)
}

async fn client(config: &AwsKmsKey, attempt: Duration) -> Client {
    let http = HttpClient::new().tls_provider(Tls::Rustls(CryptoMode::Ring)).build_https();
    let timeouts = TimeoutConfig::builder().connect_timeout(attempt).operation_timeout(attempt).build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts);
    if let Some(region) = &config.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(profile) = &config.profile {
        loader = loader.profile_name(profile);
    }
    let shared = loader.load().await;
    let mut service = aws_sdk_kms::config::Builder::from(&shared);
    if let Some(endpoint) = &config.endpoint {
        service = service.endpoint_url(endpoint);
    }
    Client::from_conf(service.build())
}

/// What a failed request means.
fn failure<E>(error: SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    match &error {
        SdkError::TimeoutError(_) => Failure::Passing(Passing::TimedOut, String::new()),
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            match service.err().code() {
                Some(code) => refusal(code, service.err().message().unwrap_or_default()),
                // Something between us and KMS answers in its place.
                None if status >= 500 => {
                    Failure::Passing(Passing::Unavailable, format!("HTTP status {status}"))
                }
                None => Failure::Final(Final::Malformed, format!("HTTP status {status}, and no error code")),
            }
        }
        SdkError::ResponseError(_) => Failure::Final(Final::Malformed, words(&error)),
        SdkError::DispatchFailure(dispatch) => {
            if dispatch.is_timeout() {
                return Failure::Passing(Passing::TimedOut, words(&error));
            }
            if dispatch.is_io() {
                return Failure::Passing(Passing::Unreachable, words(&error));
            }
            unsent(&words(&error))
        }
        _ => unsent(&words(&error)),
    }
}

/// A request that could not even be made.
fn unsent(words: &str) -> Failure {
    let lower = words.to_ascii_lowercase();
    if lower.contains("credentials") || lower.contains("identity") {
        return Failure::Final(Final::Login, words.to_owned());
    }
    // No region, or an endpoint whose certificate is not trusted.
    Failure::Final(Final::Setup, words.to_owned())
}

/// The causes of an error, one after the other. None of them holds key material.
fn words<E: StdError + 'static>(error: &SdkError<E, HttpResponse>) -> String {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    said(&causes.join(": "))
}

/// What an error code of KMS means.
fn refusal(code: &str, message: &str) -> Failure {
    let words = said(&format!("{code} {message}"));
    let kind = match code {
        "ThrottlingException"
        | "Throttling"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "LimitExceededException" => {
            return Failure::Passing(Passing::Throttled(None), words);
        }
        "DependencyTimeoutException"
        | "KMSInternalException"
        | "KeyUnavailableException"
        | "InternalFailure"
        | "InternalError"
        | "ServiceUnavailable"
        | "ServiceUnavailableException" => return Failure::Passing(Passing::Unavailable, words),
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "RequestExpired"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException" => Final::Login,
        "AccessDeniedException" | "AccessDenied" | "NotAuthorized" | "OptInRequired" => Final::Denied,
        "NotFoundException" => Final::NoSuchKey,
        "DisabledException" | "KMSInvalidStateException" => Final::KeyDisabled,
        "InvalidCiphertextException" | "IncorrectKeyException" => Final::WrongKey,
        _ => Final::Setup,
    };
    Failure::Final(kind, words)
}
