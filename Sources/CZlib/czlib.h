#ifndef CZLIB_H
#define CZLIB_H

#include <zlib.h>

// A macro that Swift does not see.
static inline int czlib_deflate_init(z_stream *stream, int level, int window_bits) {
    return deflateInit2(stream, level, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
}

#endif
