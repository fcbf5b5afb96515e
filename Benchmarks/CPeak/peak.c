#include "cpeak.h"

// Accumulators in flight: latency times units is 8 on today's cores, and 12 with the two operands fit 16 registers.
enum { CHAINS = 12 };

#if defined(__aarch64__)
#define KEEP(x) __asm__ volatile("" : "+w"(x))
#elif defined(__x86_64__)
#define KEEP(x) __asm__ volatile("" : "+v"(x))
#else
#define KEEP(x) __asm__ volatile("" : "+m"(x))
#endif

#define PEAK(LANES, TARGET, MULTIPLY_ADD) \
    typedef float vector_##LANES __attribute__((ext_vector_type(LANES))); \
    static TARGET double peak_##LANES(size_t rounds) { \
        vector_##LANES sums[CHAINS], x = (vector_##LANES)0.999f, y = (vector_##LANES)0.5f; \
        _Pragma("clang loop unroll(full)") for (int i = 0; i < CHAINS; i++) sums[i] = (vector_##LANES)(0.1f * i); \
        for (size_t round = 0; round < rounds; round++) { \
            _Pragma("clang loop unroll(full)") for (int i = 0; i < CHAINS; i++) { \
                sums[i] = MULTIPLY_ADD(sums[i], x, y); \
                KEEP(sums[i]); \
            } \
        } \
        return 2.0 * LANES * CHAINS * (double)rounds; \
    }

#define FUSED(a, b, c) __builtin_elementwise_fma(a, b, c)
#define SEPARATE(a, b, c) ((a) * (b) + (c))

#if defined(__x86_64__)
PEAK(4, , SEPARATE)
PEAK(8, __attribute__((target("avx2,fma"))), FUSED)
PEAK(16, __attribute__((target("avx512f"))), FUSED)
#elif defined(__aarch64__)
PEAK(4, , FUSED)
#else
PEAK(4, , SEPARATE)
#endif

double peak_multiply_add(int lanes, size_t rounds) {
    switch (lanes) {
        case 4: return peak_4(rounds);
#if defined(__x86_64__)
        case 8: return peak_8(rounds);
        case 16: return peak_16(rounds);
#endif
        default: return 0;
    }
}
