//! Envelope, cell cipher, index terms.
