#include "kernels_internal.h"

#if defined(__x86_64__)
#include <cpuid.h>

// Which register states the operating system saves: bits 1-2 for AVX, 5-7 for AVX-512 (Intel SDM, XCR0).
static uint64_t saved_states(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static bool x86_supports(sie_cpu_level level) {
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return false;
    bool has_fma = c & (1u << 12), has_xsave = c & (1u << 27), has_avx = c & (1u << 28);
    if (!has_fma || !has_xsave || !has_avx) return false;
    uint64_t states = saved_states();
    if ((states & 0x6) != 0x6) return false;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
    bool has_avx2 = b & (1u << 5);
    if (level == SIE_CPU_AVX2) return has_avx2;
    uint32_t wanted = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31; // F, DQ, BW, VL
    return has_avx2 && (b & wanted) == wanted && (states & 0xe0) == 0xe0;
}
#endif

bool sie_cpu_supports(sie_cpu_level level) {
    switch (level) {
        case SIE_CPU_PORTABLE: return true;
#if defined(__x86_64__)
        case SIE_CPU_AVX2:
        case SIE_CPU_AVX512: return x86_supports(level);
#endif
#if defined(__aarch64__)
        case SIE_CPU_NEON: return true;
#endif
        default: return false;
    }
}

sie_cpu_level sie_cpu_best(void) {
    static const sie_cpu_level fastest_first[] = {SIE_CPU_AVX512, SIE_CPU_AVX2, SIE_CPU_NEON};
    for (size_t i = 0; i < sizeof fastest_first / sizeof *fastest_first; i++)
        if (sie_cpu_supports(fastest_first[i])) return fastest_first[i];
    return SIE_CPU_PORTABLE;
}

const sie_kernels *sie_kernels_of(sie_cpu_level level) {
    switch (level) {
        case SIE_CPU_PORTABLE: return &sie_kernels_portable;
#if defined(__x86_64__)
        case SIE_CPU_AVX2: return &sie_kernels_avx2;
        case SIE_CPU_AVX512: return &sie_kernels_avx512;
#endif
#if defined(__aarch64__)
        case SIE_CPU_NEON: return &sie_kernels_neon;
#endif
        default: return 0;
    }
}
