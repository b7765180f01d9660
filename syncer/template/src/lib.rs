//! What turns a fetched value into the bytes of a Secret: gjson look-up, decoding, key names, pure.
