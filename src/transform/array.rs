//! One-dimensional `bytea[]` in PostgreSQL's binary array format (array_recv in
//! src/backend/utils/adt/arrayfuncs.c): dimensions, NULL flag, element OID, then length and lower bound of
//! each dimension, then each element with its length.

use super::TransformError;

const BYTEA_OID: i32 = 17;

/// The most elements that an array of 16-byte terms can have below the server's limit of 1 GiB per value.
const MAX_TERMS: usize = 1 << 25;

/// Appends `terms` as a binary `bytea[]`.
pub fn write_terms<T: AsRef<[u8]>>(terms: &[Option<T>], out: &mut Vec<u8>) -> Result<(), TransformError> {
    let count = i32::try_from(terms.len()).ok().filter(|_| terms.len() <= MAX_TERMS);
    let count = count.ok_or_else(|| TransformError::array_too_long(MAX_TERMS))?;
    let dimensions = i32::from(count > 0);
    let nulls = i32::from(terms.iter().any(Option::is_none));
    for word in [dimensions, nulls, BYTEA_OID] {
        out.extend_from_slice(&word.to_be_bytes());
    }
    if count > 0 {
        out.extend_from_slice(&count.to_be_bytes());
        out.extend_from_slice(&1i32.to_be_bytes());
    }
    for term in terms {
        match term {
            Some(term) => {
                let term = term.as_ref();
                let length =
                    i32::try_from(term.len()).map_err(|_| TransformError::array_too_long(MAX_TERMS))?;
                out.extend_from_slice(&length.to_be_bytes());
                out.extend_from_slice(term);
            }
            None => out.extend_from_slice(&(-1i32).to_be_bytes()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_array_has_no_dimension() {
        let mut out = Vec::new();
        write_terms::<[u8; 16]>(&[], &mut out).unwrap();
        assert_eq!(out, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 17]);
    }

    #[test]
    fn null_elements_are_flagged_and_have_length_minus_one() {
        let mut out = Vec::new();
        write_terms(&[Some([7; 16]), None], &mut out).unwrap();
        assert_eq!(out[..20], [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 17, 0, 0, 0, 2, 0, 0, 0, 1]);
        assert_eq!(out[20..24], [0, 0, 0, 16]);
        assert_eq!(out[24..40], [7; 16]);
        assert_eq!(out[40..], [255, 255, 255, 255]);
    }
}
