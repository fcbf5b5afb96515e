// AVX2 with FMA: 6 x 16 tiles in 16 registers.
#if defined(__x86_64__)
#define SUFFIX(name) name##_avx2
#define TARGET __attribute__((target("avx2,fma")))
#define LEVEL_NAME "avx2"
#define VW 8
#define NV 2
#define MR 6
#define FMA(a, b, c) __builtin_elementwise_fma(a, b, c)
#include "kernels_internal.h"
#include "kernels_template.h"
#endif
