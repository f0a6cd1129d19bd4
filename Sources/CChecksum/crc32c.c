#include "cchecksum.h"

#include <string.h>

// Swift has no intrinsics: the processor's own instruction is ten times as fast as a table.

static uint32_t by_bits(uint32_t crc, const uint8_t *next, size_t count) {
    for (; count > 0; count--) {
        crc ^= *next++;
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (0x82F63B78 & -(crc & 1));
    }
    return crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>
#define HARDWARE __attribute__((target("sse4.2")))
#define ADD_WORD(crc, word) ((uint32_t)_mm_crc32_u64(crc, word))
#define ADD_BYTE(crc, byte) _mm_crc32_u8(crc, byte)

static int has_instruction(void) { return __builtin_cpu_supports("sse4.2"); }

#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#define HARDWARE __attribute__((target("crc")))
#define ADD_WORD(crc, word) __crc32cd(crc, word)
#define ADD_BYTE(crc, byte) __crc32cb(crc, byte)

static int has_instruction(void) { return (getauxval(AT_HWCAP) & 1 << 7) != 0; }
#endif

#if defined(HARDWARE)
HARDWARE static uint32_t by_instruction(uint32_t crc, const uint8_t *next, size_t count) {
    for (; count >= 8; count -= 8, next += 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        crc = ADD_WORD(crc, word);
    }
    for (; count > 0; count--) crc = ADD_BYTE(crc, *next++);
    return crc;
}
#endif

uint32_t anb_crc32c(uint32_t crc, const void *bytes, size_t count) {
#if defined(HARDWARE)
    if (has_instruction()) return ~by_instruction(~crc, bytes, count);
#endif
    return ~by_bits(~crc, bytes, count);
}
