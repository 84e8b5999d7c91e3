//! A message with its header and length (`RequestHeader`, `ResponseHeader`, `ByteBufferSend.sizePrefixed`).

use bytes::BytesMut;
use kafka_protocol::messages::{ApiKey, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Encodable, HeaderVersion};

use super::context::text;

/// The bytes of a message, or why it cannot be written.
pub type Body = Result<Vec<u8>, String>;

/// Before the header.
const LENGTH_BYTES: usize = 4;

/// What a header says.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    pub api: ApiKey,
    pub api_version: i16,
    pub correlation_id: i32,
    /// `client.id`.
    pub client: &'a str,
}

impl Frame<'_> {
    pub fn request<T: Encodable + HeaderVersion>(&self, body: &T) -> Body {
        let header = RequestHeader::default()
            .with_request_api_key(self.api as i16)
            .with_request_api_version(self.api_version)
            .with_correlation_id(self.correlation_id)
            .with_client_id(Some(text(self.client)));
        self.framed(&header, T::header_version(self.api_version), body)
    }

    pub fn response<T: Encodable + HeaderVersion>(&self, body: &T) -> Body {
        let header = ResponseHeader::default().with_correlation_id(self.correlation_id);
        self.framed(&header, T::header_version(self.api_version), body)
    }

    fn framed(&self, header: &impl Encodable, header_version: i16, body: &impl Encodable) -> Body {
        let mut buffer = BytesMut::zeroed(LENGTH_BYTES);
        header
            .encode(&mut buffer, header_version)
            .and_then(|()| body.encode(&mut buffer, self.api_version))
            .map_err(|error| error.to_string())?;
        let length = (buffer.len() - LENGTH_BYTES) as i32;
        buffer[..LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
        Ok(buffer.to_vec())
    }
}

/// A message inside an Envelope has no length.
pub fn without_length(bytes: &[u8]) -> &[u8] {
    &bytes[LENGTH_BYTES..]
}
