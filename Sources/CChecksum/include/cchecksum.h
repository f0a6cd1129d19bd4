#ifndef ANB_CCHECKSUM_H
#define ANB_CCHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/// CRC-32C (RFC 3720, appendix B.4) of `count` more bytes; `crc` is the result so far, 0 at the beginning.
uint32_t anb_crc32c(uint32_t crc, const void *bytes, size_t count);

#endif
